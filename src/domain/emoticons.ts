/** What a card draws as a picture when it stands in square brackets, in Chinese or English (page "list-of-dingtalk-expressions"). */
const NAMES = `
  100 100分 666 ALittle Angel AR Awesome Awkward Aww… Bee Birthday BloodyNose Blowkiss Bored Boss Bow
  Brainstorming Briefcase BrokenHeart Bubble BusinessTrip CannotLook CarbonReduction Check Cheers ChickenLeg
  Chuckle Clap Coffee Come ComeOn Comfort Concentrate Confuse Congrats CrazyBusy Cry CustomerService DarkCircle
  Dazed Disappointed Dislike Distressed Dizzy Document Doggy Done Down Driving Earth EatingMelon Facepalm FaceSlap
  FingerHeart Firecrackers Fireworks Flower Follow FullOfVitality Get GiveUp Grin Grr Grumpy Hammer Happy Hard
  Hello? Hi HighSpeedTrain Hmm… Hot HotFace Hug Idea Kiss Kitty KPI Lantern Laugh LaughAndCry Left Like
  LikeHeartAndTripleSix Lips LookBack Love Lovely Luck LuckyDog Mail MajesticTiger MakeEffort Meeting MilkTea
  MobilePhone MoonCake mute NosePick OK OKR Oops Overwhelmed Peace Peace&Health Peep Phew PickMe Pinch PK Please
  PlusOne Pollution Present Presentation Prosperity Puke Pumped PushGlasses Puzzled Question RaiseHand
  RecyclingSymbol RedPacket Relax Right Rocket RogerThat RollEyes Romantic Rose Salute SayNo Scowl Seedling
  Self-confident Shake Sheet Shhh Shout Shy Silence SillyFace Sleepy Smile Smirk Smugshrug Sneaky Sob SoMuch Sorry
  Staple Steamed Surprised Sweat Tea TearingUp Thanks Time Tired Tongueout Trick Uh-Oh Up Vacation Victory Wait
  Wastebasket Wave What?! Wilted Worried Wow Wrong Yay Yeah YouCanDoIt YouWin Yum 一团乱麻 一点点 三连 专注 举手
  二哈 亲亲 休假 会议 你强 偷笑 傻笑 元气满满 公文包 再见 冷笑 凄凉 出差 加一 加油 加油干 发呆 发怒 可怜 可爱 吃瓜
  吐 向上 向下 向右 向左 呲牙 咖啡 哼 嘘 嘴唇 嘿嘿 回头 回收标志 在吗 地球 坏笑 大哭 大笑 天使 奶茶 委屈 定胜 客服
  害羞 对不起 对勾 小蜜蜂 尴尬 干杯 平安健康 幼苗 广播 废纸篓 开心 开车 微笑 心碎 忍者 忙疯了 快哭了 快来 怒吼
  思考 恭喜 恭喜发财 惊喜 惊愕 惊讶 感冒 感谢 憨笑 手机 打叉 打招呼 投降 抠鼻 抱大腿 抱抱 抱拳 拒绝 拜托 捂眼睛
  捂脸哭 捏住 推眼镜 握手 摊手 摸摸 收到 敲打 文档 无奈 无聊 时间 晕 暗中观察 月饼 来呀 欠扁 残花 比心 气泡 流汗
  流泪 流鼻血 演示 火 火箭 灯笼 灵感 炸弹 烟花 热 爆竹 爱心 爱意 猫咪 生日快乐 疑问 白眼 睡 碳减排 礼物 福 笑哭
  等一等 算账 红包 老板 耶 胜利 脑暴 自信 舒服 色 茶 虎虎生威 表格 衰 让人头大 调皮 费解 赞 跪了 跳舞 迷惑 送花花
  选我 邮件 郁闷 鄙视 钉子 锦鲤 闭嘴 静音 鞠躬 飞吻 高铁 鬼脸 鲜花 鸡腿 黑眼圈 鼓掌
`

const names = new Set(NAMES.toLowerCase().split(/\s+/).filter(Boolean))

/** Whether letter case counts nobody says. */
export function isEmoticon(name: string): boolean {
  return names.has(name.toLowerCase())
}
