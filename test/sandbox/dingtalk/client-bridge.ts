/**
 * What DingTalk's clients put into the pages they open, as far as `dingtalk-jsapi` 3.2.9 looks for it: the user agent,
 * and the object that its calls go through on each platform.
 */
export type BridgePlatform = 'ios' | 'android' | 'pc'

/** How the client answers one of the two ways to ask for a code; `absent`: it does not know it. */
export type BridgeManner = 'works' | 'fails' | 'hangs' | 'absent'

export type Bridge = {
  platform: BridgePlatform
  version?: string
  /** `dd.requestAuthCode({corpId, clientId})`, since 7.0.45. */
  newer?: BridgeManner
  /** `dd.runtime.permission.requestAuthCode({corpId})`. */
  older?: BridgeManner
  /** The user agent of a client, and nothing behind it. */
  missing?: boolean
}

const AGENTS: Record<BridgePlatform, (version: string) => string> = {
  ios: (version) =>
    `Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 AliApp(DingTalk/${version}) com.laiwang.DingTalk/1 Channel/201200 language/zh-Hans-CN`,
  android: (version) =>
    `Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/124.0 Mobile Safari/537.36 AliApp(DingTalk/${version}) com.alibaba.android.rimet/1 Channel/700159 language/zh-CN`,
  pc: (version) =>
    `Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/108.0 Safari/537.36 DingTalk(${version}-Release.1) nw Channel/201200`,
}

/** Name of the function that a test gives the page: `(method, params) => code`, which may throw. */
export const CODE_FUNCTION = '__sandboxLoginCode'

export function userAgentOf(bridge: Bridge): string {
  return AGENTS[bridge.platform](bridge.version ?? '7.6.0')
}

/** JavaScript to run before anything else of the page does. */
export function bridgeScript(bridge: Bridge): string {
  if (bridge.missing) return ''
  const manners = {
    'runtime.permission.requestAuthCodeV2': bridge.newer ?? 'works',
    'runtime.permission.requestAuthCode': bridge.older ?? 'works',
  }
  return `(() => {
    const manners = ${JSON.stringify(manners)};
    const call = (method, params) => new Promise((resolve, reject) => {
      const manner = manners[method] ?? 'absent';
      const { onSuccess, onFail, success, fail, ...plain } = params ?? {};
      if (manner === 'hangs') return;
      if (manner === 'absent') return reject({ errorCode: '1', errorMessage: 'no such api ' + method });
      if (manner === 'fails') return reject({ errorCode: '7', errorMessage: 'no permission' });
      window[${JSON.stringify(CODE_FUNCTION)}](method, plain).then(
        (code) => resolve({ code }),
        (error) => reject({ errorCode: '3', errorMessage: String(error) }),
      );
    });
    ${INSTALL[bridge.platform](bridge.version ?? '7.6.0')}
  })()`
}

const INSTALL: Record<BridgePlatform, (version: string) => string> = {
  ios: () => `
    window.WebViewJavascriptBridge = {
      init() {},
      registerHandler() {},
      callHandler(method, params, answer) {
        call(method, params).then((result) => answer({ errorCode: '0', result }), (error) => answer(error));
      },
    };`,
  android: () => `
    window.nuva = {
      isReady: true,
      require: () => (success, fail, service, action, params) => {
        call(service + '.' + action, params).then(success, fail);
      },
    };`,
  // The PC client hands its calls over as messages to itself, which it picks up before the page's own window does.
  pc: (version) => `
    const origin = 'https://static.dingtalk.com';
    window.name = JSON.stringify({ hostOrigin: origin, containerId: 'sandbox', hostVersion: '${version}', language: 'zh_CN' });
    window.dingtalk = { platform: { invokeAPI() {} } };
    const post = window.postMessage.bind(window);
    window.postMessage = (message, ...rest) => {
      if (message?.type !== 'request' || message.containerId !== 'sandbox') return post(message, ...rest);
      const answer = (success, body) => window.dispatchEvent(new MessageEvent('message', {
        origin, data: { type: 'response', msgId: message.msgId, success, body },
      }));
      call(message.methodName, message.body).then((result) => answer(true, result), (error) => answer(false, error));
    };`,
}
