import type { RefusalName } from './types.ts'

type Refusal = { status: number; body: unknown; contentType?: string; headers?: Record<string, string> }

/** A refusal of the api family, with the envelope of D:server-api-error-codes-1. */
const api = (status: number, code: string, message = code, extra: object = {}): Refusal => ({
  status,
  body: { code, requestid: '01A0B1C2-0000-4000-8000-000000000000', message, ...extra },
})
/** Of the oapi family: HTTP 200 whatever it is; the gateway wraps its own faults into 88. */
const oapi = (errcode: number, errmsg: string): Refusal => ({
  status: 200,
  body: { errcode, errmsg, request_id: '16l4demo0001' },
})
const wrapped = (subCode: string, subMsg: string): Refusal => ({
  status: 200,
  body: {
    errcode: 88,
    sub_code: subCode,
    sub_msg: subMsg,
    errmsg: `ding talk error[subcode=${subCode},submsg=${subMsg}]`,
    request_id: '16l4demo0002',
  },
})

const denied = (rule: string, message: string, extra: object = {}): Refusal =>
  api(403, `Forbidden.AccessDenied.${rule}`, message, extra)
const THROTTLED = '您的企业应用调用钉钉开放平台当前接口的所有请求都被暂时禁用了'
const NO_SCOPE = '应用尚未开通所需的权限：[qyapi_robot_sendmsg]'

/** Every way in which DingTalk is documented or seen to refuse a call, by name. */
export const REFUSALS: Record<RefusalName, Refusal> = {
  'qps-app': denied('QpsLimitForAppkeyAndApi', THROTTLED),
  'qps-api': denied('QpsLimitForApi', THROTTLED),
  'qpm-app': denied('QpmLimitForAppkeyAndApi', THROTTLED),
  'http-429': api(429, 'system.busy', '系统繁忙'),
  'oapi-90002': oapi(90002, '您的服务器调用钉钉开放平台所有接口的请求都被暂时禁用了'),
  'oapi-90018': wrapped('90018', THROTTLED),
  'send-too-fast': api(400, 'send.too.fast', '发送消息太快'),
  'send-by-token-too-fast': api(400, 'send.byToken.tooFast', '发送消息太快'),
  'too-many-group': api(400, 'too.many.group', '发送的群太多'),
  'too-many-people': api(400, 'too.many.people', '发送的人太多'),
  // The page says in its script what the other form says by itself.
  'ip-ban-page': {
    status: 403,
    body: '<html><body>访问被拒绝</body><script>window._config_={"status":1111,"wait":5,"source":"x5","punish":"deny"}</script></html>',
    contentType: 'text/html;charset=utf-8',
  },
  // Of a proxy or a firewall on the way; DingTalk was never asked.
  'proxy-page': { status: 403, body: '<html><body>Blocked by policy</body></html>', contentType: 'text/html' },
  'proxy-login': { status: 302, body: '', contentType: 'text/html', headers: { location: 'http://proxy.corp/login' } },
  'ip-ban-json': {
    status: 200,
    body: { status: 1111, wait: 5, source: 'x5', punish: 'deny', uuid: '00000000000000000000000000000000' },
  },
  'system-error': api(500, 'system.error', '系统错误'),
  'system-busy': api(500, 'system.busy', '系统繁忙'),
  'unknown-error': api(500, 'unknownError', '未知错误'),
  'bad-gateway': { status: 502, body: '<html>502 Bad Gateway</html>', contentType: 'text/html' },
  unavailable: { status: 503, body: '<html>503 Service Unavailable</html>', contentType: 'text/html' },
  'oapi-busy': oapi(-1, '系统繁忙'),
  'token-invalid': api(400, 'InvalidAuthentication', '不合法的access_token'),
  'oapi-token-invalid': wrapped('40014', '不合法的access_token'),
  'oapi-token-expired': wrapped('42001', 'access_token已过期'),
  'token-missing': api(400, 'AuthenticationFailed.MissingParameter', '缺少参数：x-acs-dingtalk-access-token'),
  'oapi-token-missing': wrapped('40000', 'access_token is blank'),
  'credentials-wrong': api(400, 'invalidClientIdOrSecret', '无效的clientId或者clientSecret'),
  'oapi-credentials-wrong': oapi(40096, '不合法的appKey或appSecret'),
  'oapi-app-key-wrong': oapi(40089, '不合法的corpid或corpsecret'),
  'auth-failed': api(401, 'authFailed', '鉴权失败'),
  'scope-missing': denied('AccessTokenPermissionDenied', NO_SCOPE, {
    accessdenieddetail: { requiredScopes: ['qyapi_robot_sendmsg'] },
  }),
  'oapi-scope-missing': wrapped('60011', NO_SCOPE),
  'ip-not-allowed': denied('IpNotInWhiteList', '访问ip不在白名单之中'),
  'oapi-ip-not-allowed': wrapped('60020', '访问ip不在白名单之中'),
  'quota-used-up': denied('ApiCountLimitForOrg', '您的企业当月的API调用量已超限'),
  'oapi-quota-used-up': wrapped('90020', '您的企业当月的API调用量已超限'),
  'auth-level': api(403, 'orgAuthLevelNotEnough', '企业认证等级不足'),
  'group-disbanded': api(400, 'group.disbanded', '群已解散'),
  'group-invalid': api(400, 'invalid.openConversationId', '无效的openConversationId'),
  'group-of-other-org': api(400, 'conversation.org.notMatch', '群与企业不匹配'),
  'robot-unavailable': api(400, 'resource.unavailable', '机器人已停用或未安装'),
  'cool-app-uninstalled': api(400, 'coolAppUninstalled', '酷应用未安装'),
  'bot-stopped': api(400, 'bot.stopped', '机器人已停用'),
  'group-permission-denied': api(400, 'groupPermissionDenied', '无群权限'),
  'group-template-denied': api(400, 'groupTemplatePermissionDenied', '无群模板权限'),
  'cool-app-unknown': api(400, 'coolAppUnexist', '酷应用不存在'),
  'cool-app-denied': api(400, 'coolAppPermissionDenied', '无酷应用权限'),
  'owner-invisible': api(400, 'permession.checkFailed', '群主不在应用可见范围内'),
  'cid-broken': api(400, 'cidEncryptError', 'openConversationId解密失败'),
  'param-illegal': api(400, 'paramIllegal', '参数不合法'),
  'param-blank': api(400, 'paramBlank', '参数为空'),
  'scene-system-error': api(400, 'systemError', '系统错误'),
  'auth-error': api(400, 'auth.error', '鉴权错误'),
  'user-unknown': api(400, 'staffId.notExisted', '员工不存在'),
  'card-user-unknown': api(400, 'param.userIdNotExist', '用户不存在'),
  'oapi-user-unknown': oapi(60121, '找不到该用户'),
  'oapi-user-id-invalid': oapi(33012, '无效的USERID'),
  'oapi-user-out-of-scope': oapi(50002, '请求的员工userid不在授权范围内'),
  'template-unknown': api(400, 'param.templateNotExist', '模板不存在'),
  'template-unpublished': api(400, 'param.templateUnpublished', '模板未发布'),
  'content-unsafe': api(400, 'param.contentUnsafe', '内容不合规'),
  'content-url': api(400, 'contain.unsafe.url', '包含不安全的链接'),
  'content-text': api(400, 'contain.notAllowed.text', '包含违规文本'),
  'param-invalid': api(400, 'param.invalid', '参数无效'),
  'param-invalid-space': api(400, 'param.invalid', 'imGroupOpenSpaceModel is invalid'),
  // Seen in use, on no list of the vendor's (D 6.10).
  'string-missing': api(400, 'MissingStringValue', 'a value is no string'),
  'resource-not-found': api(400, 'resource.not.found'),
  'cid-illegal': api(400, 'illegal.openconevrsation.id'),
  'robot-code-unknown': api(400, 'invalidParameter.robotCode.notExsit', '机器人不存在'),
  'robot-code-missing': api(400, 'invalidParameter.robotCode.missing'),
  rejected: api(400, 'reject'),
  'stream-card-unknown': api(400, 'param.stream.outTrackId'),
  'message-param-invalid': api(400, 'invalidParameter.msgParam.invalid', '消息参数无效'),
  'param-missing': api(400, 'miss.param.msgKey', '缺少参数'),
  'oapi-param-missing': oapi(40035, '缺少参数'),
  'oapi-param-invalid': oapi(400002, '参数错误'),
  'card-unknown': api(400, 'param.cardNotExist', '卡片不存在'),
  'card-known': api(400, 'param.cardAlreadyExist', '卡片已存在'),
  'unlisted-4xx': api(418, 'new.kind.ofRefusal', '未知'),
  'unlisted-5xx': api(507, 'new.kind.ofFailure', '未知'),
}
