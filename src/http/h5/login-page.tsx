import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'

import { type PageMessageKey, tell } from '../../domain/page-messages.ts'
import { answerHtml } from './answer-html.ts'
import { LOGIN_SCRIPT, STYLE } from './assets.ts'
import { type H5Deps, pathOfPages } from './deps.ts'
import { Frame } from './frame.tsx'
import { returnTo } from './return-to.ts'
import type { H5Variables } from './visitor.ts'

type Look = {
  status?: ContentfulStatusCode
  /** Said instead of what is about to happen. */
  notice?: PageMessageKey
  text?: string
  /** Whether the page asks DingTalk's client by itself; it does unless told otherwise. */
  auto?: boolean
  /** Where to go afterwards; the address that was asked for unless told otherwise. */
  back?: string | undefined
}

/**
 * The login page, in the place of what was asked for. Its script asks DingTalk's client for a code; whatever becomes of
 * that, scripts or not, there is a button that leads to DingTalk's login page, if that could lead back.
 */
export function answerLoginPage(deps: H5Deps, c: Context<H5Variables>, look: Look): Response {
  const locale = c.get('locale')
  const integration = c.get('integration')
  const pages = pathOfPages(deps, integration.id)
  const back = returnTo(look.back ?? addressOf(deps, c), pages)
  const browserLogin = `${pages}/login/browser?return=${encodeURIComponent(back)}`
  const say = (key: PageMessageKey): string => tell(locale, key)
  if (!integration.enabled) look = { ...look, notice: 'login.INTEGRATION_DISABLED', auto: false }

  const inDingTalk = /DingTalk/i.test(c.req.header('user-agent') ?? '')
  const auto = look.auto ?? true
  const outside = deps.publicUrl === undefined ? 'login.NO_PUBLIC_URL' : 'login.outside'
  const first = look.text ?? say(look.notice ?? (inDingTalk ? 'login.working' : outside))
  const assets = { style: STYLE.path(deps.prefix) ?? '', script: LOGIN_SCRIPT.path(deps.prefix) }
  return answerHtml(
    c,
    <Frame title={say('login.title')} name={integration.name} locale={locale} assets={assets}>
      <section
        class="panel empty"
        id="login"
        data-corp-id={integration.corpId}
        data-client-id={integration.clientId}
        data-action={`${pages}/login`}
        data-return={back}
        data-auto={auto ? 'yes' : 'no'}
        data-working={say('login.working')}
        data-outside={say(outside)}
        data-slow={say('login.slow')}
        data-bridge={say('login.BRIDGE')}
        data-offline={say('login.OFFLINE')}
        data-cookies={say('login.COOKIES')}
      >
        <h1 class="text">{integration.name}</h1>
        <p id="say" role="status" aria-live="polite">
          {first}
        </p>
        <noscript>
          <p>{say(deps.publicUrl === undefined ? 'login.noscript.only' : 'login.noscript')}</p>
        </noscript>
        <div class="buttons">
          <button class="button first" id="again" type="button" hidden>
            {say(auto ? 'login.again' : 'login.button')}
          </button>
          {integration.enabled && deps.publicUrl !== undefined ? (
            <a class={inDingTalk ? 'button' : 'button first'} href={browserLogin}>
              {say(inDingTalk ? 'login.browser.instead' : 'login.browser')}
            </a>
          ) : undefined}
        </div>
      </section>
    </Frame>,
    look.status ?? 200,
  )
}

/** What the browser asked for, with the prefix that a proxy may have taken off. */
function addressOf(deps: H5Deps, c: Context<H5Variables>): string {
  const { pathname, search } = new URL(c.req.url)
  const asked = pathname + search
  return deps.prefix === '' || asked.startsWith(`${deps.prefix}/`) ? asked : deps.prefix + asked
}
