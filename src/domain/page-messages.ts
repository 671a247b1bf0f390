import type { Locale } from './messages.ts'

/** Every text of the pages that people open in DingTalk or a browser: Chinese, English beside it; see `messages.ts`. */
export const PAGE_MESSAGES = {
  'login.title': ['登录', 'Log in'],
  'login.working': ['正在通过钉钉登录…', 'Logging in through DingTalk…'],
  'login.outside': ['请使用钉钉账号登录', 'Log in with your DingTalk account'],
  'login.slow': ['网络较慢，仍在登录…', 'The network is slow; still logging in…'],
  'login.button': ['登录', 'Log in'],
  'login.browser': ['使用钉钉账号登录', 'Log in with DingTalk'],
  'login.browser.instead': ['无法自动登录？使用钉钉账号登录', 'Trouble logging in? Use your DingTalk account'],
  'login.again': ['重试', 'Try again'],
  'login.noscript': [
    '此页面的自动登录需要 JavaScript，请点下方按钮使用钉钉账号登录。',
    'Logging in by itself needs JavaScript: use the button below to log in with DingTalk.',
  ],
  'login.noscript.only': [
    '此页面的自动登录需要 JavaScript：请启用后重试。',
    'Logging in by itself needs JavaScript: allow it and try again.',
  ],
  'login.NO_PUBLIC_URL': [
    '暂不支持在浏览器中登录：请在钉钉客户端内打开，或联系管理员设置 PUBLIC_URL（此服务的访问地址）',
    'Logging in from a browser is not set up: open this page inside DingTalk, or ask the administrator to set PUBLIC_URL, the address of this service',
  ],
  'login.out': ['你已退出登录', 'You are logged out'],
  'login.expired': [
    '登录已过期，刚才的操作未执行：请重新登录后再试',
    'You were logged out meanwhile and nothing was done: log in and try again',
  ],
  'login.BRIDGE': [
    '钉钉客户端未能提供登录授权：请重试，或使用钉钉账号登录。若一直失败，请联系管理员检查应用首页地址',
    'The DingTalk client gave no permission to log in: try again, or log in with DingTalk. If it keeps failing, ask the administrator to check the app’s home address',
  ],
  'login.OFFLINE': [
    '网络不通，未能登录：请检查网络后重试',
    'Not logged in, the network does not answer: check it and try again',
  ],
  'login.COOKIES': [
    '登录成功但浏览器未保存登录状态：请允许此网站使用 Cookie 后重试',
    'You were logged in but the browser did not keep it: allow cookies for this site and try again',
  ],
  'login.LOGIN_CODE_INVALID': [
    '登录授权已失效或已被使用：请重试',
    'The permission to log in has expired or was used before: try again',
  ],
  'login.STATE_INVALID': [
    '登录请求已失效或不是在此浏览器发起：请重新登录',
    'This login has expired or did not start in this browser: log in again',
  ],
  'login.DENIED': ['登录已取消', 'The login was cancelled'],
  'login.OTHER_CORPORATION': [
    '你登录的企业与此应用不一致：请重新登录，并选择所属企业',
    'You logged in to another organisation than the one of this app: log in again and choose yours',
  ],
  'login.EXTERNAL_CONTACT': [
    '外部联系人不能使用此应用：请使用企业成员账号登录',
    'External contacts cannot use this app: log in as a member of the organisation',
  ],
  'login.IM_USER_NOT_FOUND': [
    '该钉钉账号不是此企业的成员：请使用企业成员账号登录',
    'This DingTalk account is no member of the organisation: log in as one',
  ],
  'login.OUT_OF_SCOPE': [
    '你不在应用的可见范围内：请联系管理员',
    'The app is not made visible to you: ask the administrator',
  ],
  'login.APP_PERMISSION_MISSING': [
    '应用缺少登录所需的权限：请联系管理员在钉钉开发者后台开通（Contact.User.Read、qyapi_get_member）',
    'The app lacks the permissions for logging in: ask the administrator to grant them (Contact.User.Read, qyapi_get_member)',
  ],
  'login.APP_CREDENTIAL_INVALID': [
    '应用凭证无效，无法登录：请联系管理员检查 Client ID 与 Client Secret',
    'The app’s credentials are wrong: ask the administrator to check Client ID and Client Secret',
  ],
  'login.IP_NOT_ALLOWED': [
    '服务器出口 IP 未加白，无法登录：请联系管理员',
    'DingTalk does not accept this server’s address: ask the administrator',
  ],
  'login.IM_RATE_LIMITED': ['钉钉限流，请稍后重试', 'DingTalk is limiting calls: try again in a moment'],
  'login.NETWORK': ['暂时无法连接钉钉，请稍后重试', 'DingTalk cannot be reached: try again in a moment'],
  'login.IM_ERROR': ['钉钉未能完成登录，请稍后重试', 'DingTalk did not complete the login: try again in a moment'],
  'login.INTEGRATION_DISABLED': [
    '集成已停用，暂不能登录：请联系管理员',
    'The integration is switched off: ask the administrator',
  ],
  'login.TOO_MANY': ['尝试过于频繁，请在 {seconds} 秒后重试', 'Too many attempts: try again in {seconds} seconds'],
  'page.STORE_UNAVAILABLE': ['服务暂不可用，请稍后重试', 'The service is not available: try again in a moment'],
  'page.FORM_EXPIRED': [
    '页面已过期，未执行操作：请返回刷新后再试',
    'The page has expired and nothing was done: go back, reload and try again',
  ],
  'page.FORM_UNFIT': [
    '提交的内容过长或格式不对，未执行操作：请返回后缩短再试',
    'What was sent is too long, or no form of ours, and nothing was done: go back and try again with less',
  ],
  'page.UNKNOWN': ['操作失败，请稍后重试', 'It failed: try again in a moment'],
  'link.title': ['关联账号', 'Link accounts'],
  'link.why': [
    '关联后，告警会发送给你，你在钉钉内的操作会以你的 Flashduty 身份执行。',
    'Once linked, alerts reach you, and what you do in DingTalk is done as you in Flashduty.',
  ],
  'link.now': ['当前已关联 Flashduty 成员：{member}', 'Linked now to the Flashduty member {member}'],
  'link.switching': [
    '切换账户：用另一个账户的 APP Key 登录后，原关联会被替换。',
    'To switch account, sign in with the other account’s APP Key; it takes the place of the link you have.',
  ],
  'link.guess': ['这是你吗？', 'Is this you?'],
  'link.guess.mobile': ['钉钉手机号与此 Flashduty 成员一致', 'Your DingTalk phone number is this member’s'],
  'link.guess.email': ['企业邮箱与此 Flashduty 成员一致', 'Your company e-mail address is this member’s'],
  'link.guess.yes': ['是我，立即关联', 'Yes, link me'],
  'link.none': [
    '未找到手机号或企业邮箱与你一致的 Flashduty 成员，请用 APP Key 登录。',
    'No Flashduty member has your phone number or company e-mail address: sign in with your APP Key.',
  ],
  'link.several': [
    '有多个 Flashduty 成员与你的手机号或企业邮箱一致，请用 APP Key 登录以确认身份。',
    'Several Flashduty members fit your phone number or e-mail address: sign in with your APP Key.',
  ],
  'link.taken': [
    '与你一致的 Flashduty 成员已关联其他钉钉账号，请用 APP Key 登录以确认身份，或联系管理员。',
    'The Flashduty member who fits you is linked to another DingTalk account: sign in with your APP Key, or ask the administrator.',
  ],
  'link.off': ['请用你自己的 Flashduty APP Key 登录。', 'Sign in with your own Flashduty APP Key.'],
  'link.unavailable': [
    '暂时无法自动查找你的 Flashduty 成员（{why}），可用 APP Key 登录或稍后再试。',
    'You could not be looked up in Flashduty ({why}): sign in with your APP Key, or try again later.',
  ],
  'link.key': ['用 Flashduty APP Key 登录', 'Sign in with your Flashduty APP Key'],
  'link.key.label': ['APP Key', 'APP Key'],
  'link.key.where': [
    '在 Flashduty 控制台「账户设置 → APP Key」中创建。密钥加密保存，仅用于以你的身份执行操作。',
    'Made in the Flashduty console under Account settings → APP Key. Kept encrypted and used only for what you do.',
  ],
  'link.key.taken': [
    '该成员若已关联其他钉钉账号，将改为关联到你，机器人会告知对方。',
    'If the member is linked to another DingTalk account, it is linked to you instead, and the robot tells the other one.',
  ],
  'link.key.go': ['登录并关联', 'Sign in and link'],
  'link.undo': ['解除关联', 'Unlink'],
  'link.undone': ['已解除关联', 'You are no longer linked'],
  'link.undone.key': ['已解除关联，登记的 APP Key 已删除', 'You are no longer linked, and your APP Key was deleted'],
  'link.KEY_EMPTY': ['请填写 APP Key', 'Enter your APP Key'],
  'link.KEY_INVALID': [
    'APP Key 无效、已停用或已过期：请检查是否完整复制',
    'The APP Key is wrong, switched off or expired: check that it was copied whole',
  ],
  'link.WRONG_ACCOUNT': [
    '此 APP Key 属于其他 Flashduty 账户：请使用本企业账户的 APP Key',
    'This APP Key belongs to another Flashduty account: use one of your company’s account',
  ],
  'link.MEMBER_DISABLED': [
    '该 Flashduty 成员未激活或已停用：请联系管理员',
    'This Flashduty member is not active: ask the administrator',
  ],
  'link.GUESS_CHANGED': [
    '未关联：Flashduty 成员信息已变化，请重新确认',
    'Not linked: what Flashduty says of you has changed, look again',
  ],
  'link.NO_LICENSE': [
    '无可用 License：请联系管理员在费用中心处理',
    'No licence: ask the administrator to look in the billing centre',
  ],
  'link.SUBSCRIPTION_OVER': [
    '账户订阅已到期或余额不足：请联系管理员在费用中心处理',
    'The subscription of the account has run out: ask the administrator to look in the billing centre',
  ],
  'link.NO_PERMISSION': [
    '该 Flashduty 账号没有所需的权限：请联系管理员',
    'This Flashduty account lacks a permission: ask the administrator',
  ],
  'link.FLASHDUTY_RATE_LIMITED': [
    'Flashduty 请求过于频繁：请稍后再试',
    'Flashduty is limiting calls: try again in a moment',
  ],
  'link.FLASHDUTY_UNAVAILABLE': [
    'Flashduty 服务暂不可用：请稍后再试',
    'Flashduty is not available: try again in a moment',
  ],
  'link.TOO_MANY': ['尝试过于频繁，请在 {seconds} 秒后重试', 'Too many attempts: try again in {seconds} seconds'],
  'link.why.FLASHDUTY_UNAVAILABLE': ['Flashduty 服务暂不可用', 'Flashduty is not available'],
  'link.why.FLASHDUTY_RATE_LIMITED': ['Flashduty 请求过于频繁', 'Flashduty is limiting calls'],
  'link.why.KEY_INVALID': ['集成的 Flashduty Key 无效，请联系管理员', 'the integration’s Flashduty key is wrong'],
  'link.why.NO_LICENSE': ['集成的 Flashduty Key 无可用 License', 'the integration’s Flashduty key has no licence'],
  'link.why.SUBSCRIPTION_OVER': ['Flashduty 账户订阅已到期或余额不足', 'the subscription of the account has run out'],
  'link.why.APP_PERMISSION_MISSING': [
    '应用缺少通讯录权限 qyapi_get_member',
    'the app lacks the permission qyapi_get_member',
  ],
  'link.why.other': ['查询未完成', 'the search did not finish'],
  'page.back': ['返回', 'Back'],
  'home.hello': ['你好，{name}', 'Hello, {name}'],
} as const satisfies Record<string, readonly [string, string]>

export type PageMessageKey = keyof typeof PAGE_MESSAGES

export function tell(locale: Locale, key: PageMessageKey, fill?: Record<string, string | number>): string {
  const text: string = PAGE_MESSAGES[key][locale === 'zh-CN' ? 0 : 1]
  if (!fill) return text
  return text.replaceAll(/\{(\w+)\}/g, (whole, name: string) => String(fill[name] ?? whole))
}

/** The text of a failure under that heading, else of an unknown one. */
export function tellFailure(locale: Locale, heading: 'login' | 'link' | 'link.why', code: string): string {
  const own = `${heading}.${code}`
  if (isPageMessageKey(own)) return tell(locale, own)
  if (heading === 'link.why') return tell(locale, 'link.why.other')
  const general = `page.${code}`
  return tell(locale, isPageMessageKey(general) ? general : 'page.UNKNOWN')
}

function isPageMessageKey(key: string): key is PageMessageKey {
  return Object.hasOwn(PAGE_MESSAGES, key)
}

/** Browsers name a handful of languages. */
const MAX_READ = 1_000

/**
 * The language of a page: whichever of Chinese and English the reader's `Accept-Language` puts first, Chinese when it
 * names neither.
 */
export function chooseLocale(acceptLanguage: string | undefined): Locale {
  const wanted = (acceptLanguage ?? '')
    .slice(0, MAX_READ)
    .split(',')
    .map((part, index) => {
      const [tag = '', ...parameters] = part.trim().toLowerCase().split(';')
      const q = parameters.map((parameter) => /^\s*q=([\d.]+)/.exec(parameter)?.[1]).find(Boolean)
      return { language: tag.split('-')[0], weight: q === undefined ? 1 : Number(q), index }
    })
    .filter(({ language, weight }) => (language === 'zh' || language === 'en') && weight > 0)
    .sort((one, other) => other.weight - one.weight || one.index - other.index)
  return wanted[0]?.language === 'en' ? 'en-US' : 'zh-CN'
}
