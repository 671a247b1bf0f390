import type { BoundExchange } from '../../src/outbound.ts'
import { eventually } from './eventually.ts'

/** Calls to DingTalk and Flashduty that are waited for until the test says. */
export class HeldCalls {
  #underWay = new Map<AbortController, string>()

  /** For `Overrides.boundExchange`. */
  readonly bound: BoundExchange = ({ body, signal }) => {
    const controller = new AbortController()
    const follow = (): void => controller.abort(signal?.reason)
    if (signal?.aborted) follow()
    else signal?.addEventListener('abort', follow, { once: true })
    this.#underWay.set(controller, JSON.stringify(body ?? null))
    return {
      signal: controller.signal,
      done: () => {
        this.#underWay.delete(controller)
        signal?.removeEventListener('abort', follow)
      },
    }
  }

  /** The call whose body has this text is waited for no longer. Resolves at once, or when there is one. */
  async giveUp(text: string): Promise<void> {
    const [controller] = await eventually(`a call with ${text} is under way`, () =>
      [...this.#underWay].find(([, body]) => body.includes(text)),
    )
    controller.abort(new DOMException('it took too long', 'TimeoutError'))
  }
}
