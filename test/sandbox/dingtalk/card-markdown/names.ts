/** Names that cards know, read 2026-08. */

/** "字体尺寸表" (D:markdown-variable-new). */
export const SIZE_TOKENS: ReadonlySet<string> = new Set(
  ['hypertitle', 'largetitle', 'h1', 'h2', 'h3', 'h4', 'h5', 'body', 'footnote'].map(
    (name) => `common_${name}_text_style__font_size`,
  ),
)

/** "字体色值表" (D:markdown-variable-new): they follow the client's light and dark looks. */
export const COLOR_TOKENS: ReadonlySet<string> = new Set(
  [
    ...['yellow1', 'orange1', 'red1', 'pink1', 'purple1', 'blue1', 'water1', 'olive1', 'green1'],
    ...['level1_base', 'level2_base', 'level3_base', 'level4_base'],
    ...['gray1', 'gray2', 'gray3', 'gray4', 'gray5', 'gray6'],
  ].map((name) => `common_${name}_color`),
)

/** "目前卡片支持的表情" in Chinese and in English (D:list-of-dingtalk-expressions). */
const EMOTICONS = `
  微笑 可爱 憨笑 色 发呆 老板 流泪 害羞 闭嘴 睡 大哭 尴尬 感谢 拒绝 赞 鼓掌 打招呼 666 抱拳 握手 OK 胜利 向左 向右 向上 向下
  来呀 一点点 捏住 比心 送花花 加油干 调皮 大笑 惊讶 流汗 广播 自信 你强 怒吼 惊愕 疑问 偷笑 无聊 加油 快哭了 吐 晕 摸摸 飞吻
  跳舞 傻笑 鄙视 嘘 思考 亲亲 无奈 感冒 对不起 再见 投降 哼 欠扁 拜托 可怜 舒服 爱意 迷惑 委屈 灵感 天使 鬼脸 凄凉 郁闷 坏笑
  算账 PK 忍者 衰 炸弹 笑哭 嘿嘿 捂脸哭 抠鼻 流鼻血 呲牙 吃瓜 耶 发怒 捂眼睛 推眼镜 暗中观察 脑暴 冷笑 热 开心 惊喜 回头 白眼
  一团乱麻 黑眼圈 恭喜 费解 收到 快来 敲打 Get 客服 AR 小蜜蜂 虎虎生威 专注 忙疯了 等一等 在吗 让人头大 摊手 抱抱 举手 开车
  抱大腿 跪了 鞠躬 选我 元气满满 会议 猫咪 二哈 礼物 生日快乐 爱心 心碎 嘴唇 鲜花 残花 干杯 咖啡 奶茶 茶 OKR KPI 100分 对勾
  打叉 气泡 加一 Done 钉子 出差 高铁 火箭 邮件 文档 演示 表格 废纸篓 手机 时间 静音 公文包 地球 碳减排 回收标志 幼苗 红包 锦鲤
  福 灯笼 爆竹 烟花 恭喜发财 月饼 鸡腿 休假 火 三连 平安健康 定胜
  Smile Lovely Wow Yum Dazed Boss Sob Shy Silence Sleepy Cry Awkward Thanks SayNo Like Clap Hi Salute Shake Peace Left Right Up
  Down Come ALittle Pinch FingerHeart Flower MakeEffort Tongueout Laugh Scowl Sweat Shout Self-confident Awesome Pumped What?!
  Question Chuckle Bored YouCanDoIt TearingUp Puke Dizzy Comfort Blowkiss Yay Oops Dislike Shhh Hmm… Kiss Disappointed
  Pollution Sorry Wave GiveUp Grumpy FaceSlap Please Aww… Relax Romantic Puzzled Worried Idea Angel SillyFace Phew Tired Trick
  SoMuch Sneaky Grr Uh-Oh LaughAndCry Smirk Facepalm NosePick BloodyNose Grin EatingMelon Yeah Steamed CannotLook PushGlasses
  Peep Brainstorming Distressed HotFace Happy Surprised LookBack RollEyes Overwhelmed DarkCircle Congrats Confuse RogerThat
  ComeOn Hammer CustomerService Bee MajesticTiger Concentrate CrazyBusy Wait Hello? Hard Smugshrug Hug RaiseHand Driving Follow
  YouWin Bow PickMe FullOfVitality Meeting Kitty Doggy Present Birthday Love BrokenHeart Lips Rose Wilted Cheers Coffee MilkTea
  Tea 100 Check Wrong Bubble PlusOne Staple BusinessTrip HighSpeedTrain Rocket Mail Document Presentation Sheet Wastebasket
  MobilePhone Time mute Briefcase Earth CarbonReduction RecyclingSymbol Seedling RedPacket LuckyDog Luck Lantern Firecrackers
  Fireworks Prosperity MoonCake ChickenLeg Vacation Hot LikeHeartAndTripleSix Peace&Health Victory
`

const emoticons = new Set(EMOTICONS.trim().toLowerCase().split(/\s+/))
const longest = Math.max(...[...emoticons].map((name) => name.length))

/** The page does not say whether letter case counts: here it does not, so that more texts turn into pictures. */
export function isEmoticon(name: string): boolean {
  return name.length <= longest && emoticons.has(name.toLowerCase())
}
