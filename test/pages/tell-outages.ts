import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'

import { patiently } from '../../src/lifecycle.ts'
import type { Group } from '../sandbox/dingtalk/types.ts'
import type { Incident } from '../sandbox/flashduty/types.ts'
import { changeDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import {
  actsOn,
  expectSilence,
  fire,
  inGroup,
  install,
  openScene,
  type Scene,
  settledRecords,
} from '../support/journey.ts'
import { lockDatabase } from '../support/lock.ts'
import { logIn, pageWith, pathOfPages, pressOn, textOf } from '../support/pages.ts'
import { VisitorClock } from '../support/visitor-clock.ts'
import { csrfOf, type Seen, type VisitorBrowser } from '../support/visitor.ts'
import type { Person, World } from '../support/world.ts'

/** While something else is down each page shows what is stored, says what is missing, and offers to try again. */

const SECOND_MS = 1_000
const MINUTE_MS = 60_000
const LANGUAGES = ['zh-CN', 'en-US'] as const
type Language = (typeof LANGUAGES)[number]
const RETRY = { 'zh-CN': '重试', 'en-US': 'Try again' }
const GONE_ON: Record<Language, string> = { 'zh-CN': '回到首页', 'en-US': 'Go to the start page' }

/** @param languages `one`: each page and each sentence in one of them, in turn */
export function tellOutages(languages: 'one' | 'all'): void {
  let scene: Scene
  let world: World
  let pages: string
  let zhang: Person
  let wang: Person
  let incident: Incident
  let release: () => void | Promise<void> = () => {}
  const clock = new VisitorClock()

  beforeAll(async () => {
    scene = await openScene({
      dingtalk: { qpsPerApi: 0 },
      // What hangs here is waited for as long as in earnest: a page that tells nothing is no page.
      overrides: { clock, action: { answerBudgetMs: 60 * MINUTE_MS }, pagePatience: patiently },
    })
    world = scene.world
    pages = pathOfPages(scene)
    ;({ zhang, wang } = world.people)
    incident = await alert('库存的事实', [world.groups.oncall])
    for (const language of LANGUAGES) await pageWith(await visitorOf(zhang, language), groupPage(), '库存的事实')
  })
  afterEach(async () => {
    await release()
    world.flashduty.control.clearFaults()
    world.dingtalk.control.clearFaults()
    // What was answered during the outage is kept for some seconds.
    clock.advance(6 * SECOND_MS)
  })
  afterAll(() => scene?.close())

  async function alert(title: string, groups: Group[]): Promise<Incident> {
    const fired = await fire(world, {
      title,
      responderIds: [zhang.member.member_id],
      personIds: [zhang.member.member_id],
      chats: groups.map((group) => inGroup(group)),
    })
    await settledRecords(world, fired)
    await pageWith(await visitorOf(zhang), `${pages}/history`, title)
    return fired
  }

  const visitorOf = (person: Person, language: Language = 'zh-CN'): Promise<VisitorBrowser> =>
    logIn(scene, person, { 'accept-language': language })
  const incidentPage = (one = incident) => `${pages}/incident/${one.incident_id}`
  const groupPage = (group = world.groups.oncall) =>
    `${pages}/group?cid=${encodeURIComponent(group.openConversationId)}`
  const PAGES: [string, () => string][] = [
    ['home', () => `${pages}/`],
    ['PC home', () => `${pages}/pc?incident=${incident.incident_id}`],
    ['the group', () => groupPage()],
    ['the incident', () => incidentPage()],
    ['history', () => `${pages}/history`],
  ]
  let turns = 0
  const told = (): readonly Language[] => {
    turns += 1
    return languages === 'all' ? LANGUAGES : LANGUAGES.filter((_, index) => index === turns % LANGUAGES.length)
  }
  const everyPage = () => PAGES.flatMap(([name, path]) => told().map((language) => [language, name, path] as const))

  /** The page of ours, whatever became of it, with its words. */
  async function look(visitor: VisitorBrowser, path: string): Promise<Seen & { words: string }> {
    const page = await visitor.get(path)
    expect(page.headers.get('content-type')).toMatch(/text\/html/)
    expect(page.text).toContain('<main id="content"')
    return { ...page, words: textOf(page.text) }
  }

  const offersRetry = (page: Seen, language: Language) =>
    new RegExp(`<a class="button[^"]*" href="">\\s*${RETRY[language]}\\s*</a>`).test(page.text)

  describe('Flashduty', () => {
    describe.each([
      ['hangs', { kind: 'hang' }, 'Flashduty 服务暂不可用', 'Flashduty is not available'],
      [
        'answers 503',
        { kind: 'error', status: 503, code: 'ServiceUnavailable', message: 'x' },
        'Flashduty 服务暂不可用',
        'Flashduty is not available',
      ],
      [
        'limits calls',
        { kind: 'error', status: 429, code: 'RequestTooFrequently', message: 'x' },
        '操作过于频繁',
        'too many actions',
      ],
    ] as const)('%s', (_what, effect, chinese, english) => {
      test.each(everyPage())('in %s %s shows what is stored', async (language, name, path) => {
        world.flashduty.control.addFault({ path: '/incident/feed', times: 100, effect })
        const page = await look(await visitorOf(zhang, language), path())
        expect(page.status).toBe(200)
        expect(page.words).toContain('库存的事实')
        // The others ask Flashduty for nothing.
        if (name !== 'the incident' && name !== 'PC home') return
        expect(page.words).toContain(language === 'zh-CN' ? chinese : english)
        expect(offersRetry(page, language)).toBe(true)
      })
    })

    test.each(told())('in %s, what only it could show is asked for again', async (language) => {
      const hidden = await fire(world, {
        title: '别人的故障',
        responderIds: [world.people.li.member.member_id],
      })
      await settledRecords(world, hidden)
      const effect = { kind: 'error', status: 503, code: 'ServiceUnavailable', message: 'x' } as const
      world.flashduty.control.addFault({ path: '/incident/feed', times: 100, effect })
      const visitor = await visitorOf(zhang, language)
      const page = await look(visitor, incidentPage(hidden))
      expect(page.words).toContain(`#${hidden.num}`)
      expect(page.text).not.toContain('别人的故障')
      expect(offersRetry(page, language)).toBe(true)
      world.flashduty.control.clearFaults()
      clock.advance(6 * SECOND_MS)
      await pageWith(visitor, incidentPage(hidden), '别人的故障')
    })
  })

  describe('the database takes nothing', () => {
    const lock = async () => {
      release = await lockDatabase(world.config.databasePath)
    }

    test.each(everyPage())(
      'in %s %s shows what is stored, to a session that is about to be renewed too',
      async (...row) => {
        const [language, , path] = row
        clock.advance(15 * MINUTE_MS)
        const visitor = await visitorOf(zhang, language)
        await pageWith(visitor, groupPage(), '库存的事实')
        clock.advance(11 * MINUTE_MS)
        await lock()
        const page = await look(visitor, path())
        expect(page.status).toBe(200)
        expect(page.words).toContain('库存的事实')
      },
    )

    test.each(told())('in %s a group that is not known yet is not guessed at, and known at the next try', async (l) => {
      const group = world.dingtalk.control.createGroup({ title: `新群${l}`, memberUserIds: [zhang.user.userId] })
      await install(world, [group])
      const visitor = await visitorOf(zhang, l)
      await lock()
      const page = await look(visitor, groupPage(group))
      expect(page.words).toContain(l === 'zh-CN' ? '服务暂不可用' : 'the service is not available')
      expect(offersRetry(page, l)).toBe(true)
      await release()
      clock.advance(6 * SECOND_MS)
      await pageWith(visitor, groupPage(group), `新群${l}`)
    })

    test.each(told())('in %s a press says so, and counts afterwards', async (language) => {
      const one = await alert(`写不进去 ${language}`, [])
      const visitor = await visitorOf(zhang, language)
      const before = await look(visitor, `${pages}/`)
      await lock()
      const refused = await pressOn(visitor, before, one.incident_id, 'ack')
      expect(textOf(refused.text)).toContain(
        language === 'zh-CN' ? '未执行。服务暂不可用：请稍后' : 'not done. The service is not available',
      )
      expect(textOf(refused.text)).toContain('写不进去')
      expect(actsOn(world, one)).toEqual([])
      await release()
      const done = await pressOn(visitor, before, one.incident_id, 'ack')
      expect(textOf(done.text)).toMatch(/：已完成|: done/)
      expect(actsOn(world, one)).toHaveLength(1)
    })

    test.each(told())('in %s other forms say so, do nothing, and lead back', async (language) => {
      const visitor = await visitorOf(zhang, language)
      const csrf = csrfOf(await look(visitor, `${pages}/`))
      await lock()
      const forms: [string, Record<string, string>][] = [
        ['/unlink', {}],
        ['/link/key', { key: zhang.member.app_key }],
        ['/logout', {}],
        ['/wanted', { wanted: 'a'.repeat(16), answer: 'drop' }],
      ]
      for (const [path, fields] of forms) {
        const answer = await visitor.submit(pages + path, { csrf, ...fields })
        expect({ path, status: answer.status }).toEqual({ path, status: 503 })
        expect(textOf(answer.text)).toContain(language === 'zh-CN' ? '服务暂不可用' : 'The service is not available')
        expect(textOf(answer.text)).toContain(GONE_ON[language])
      }
      await release()
      expect((await look(visitor, `${pages}/`)).words).toContain(zhang.member.member_name)
    })

    test.each(everyPage())('or tells nothing either: in %s %s says so', async (language, _name, path) => {
      const visitor = await visitorOf(zhang, language)
      await changeDatabase(world, 'alter table sessions rename to sessions_away')
      release = async () => {
        release = () => {}
        await changeDatabase(world, 'alter table sessions_away rename to sessions')
      }
      const page = await look(visitor, path())
      expect(page.status).toBe(500)
      expect(page.words).toContain(language === 'zh-CN' ? '故障和通知不受影响' : 'are not affected')
      expect(offersRetry(page, language)).toBe(true)
      await release()
      expect((await look(visitor, path())).words).toContain('库存的事实')
    })
  })

  describe('DingTalk', () => {
    const DOWN = [
      ['answers 503', { kind: 'answer', status: 503, body: { code: 'ServiceUnavailable', message: 'x' } }],
      ['hangs', { kind: 'hang' }],
    ] as const

    describe.each(DOWN)('%s', (what, effect) => {
      const down = () => world.dingtalk.control.addFault({ api: 'members/batchQuery', times: 100, effect })

      test.each(everyPage())('in %s %s shows what is stored', async (language, name, path) => {
        const visitor = await visitorOf(zhang, language)
        clock.advance(6 * MINUTE_MS)
        // Its last answer is not old yet.
        await pageWith(visitor, groupPage(), '库存的事实')
        clock.advance(6 * MINUTE_MS)
        down()
        const page = await look(visitor, path())
        expect(page.status).toBe(200)
        expect(page.words).toContain('库存的事实')
        if (name !== 'the group') return
        expect(page.words).toMatch(language === 'zh-CN' ? /成员名单截至 \d\d-\d\d/ : /members are those of \d\d-\d\d/)
        expect(offersRetry(page, language)).toBe(true)
      })

      test.each(told())('in %s nobody is taken for a member for longer than an hour', async (language) => {
        clock.advance(6 * MINUTE_MS)
        const visitor = await visitorOf(zhang, language)
        await pageWith(visitor, groupPage(), '库存的事实')
        clock.advance(61 * MINUTE_MS)
        down()
        const page = await look(visitor, groupPage())
        expect(page.words).toContain(language === 'zh-CN' ? '暂时无法确认你在这个群里' : 'cannot be told now')
        expect(page.text).not.toContain('库存的事实')
        expect(offersRetry(page, language)).toBe(true)
        world.dingtalk.control.clearFaults()
        // One that hangs is given up after a while.
        await eventually('the group is shown again', async () => {
          clock.advance(6 * SECOND_MS)
          return (await look(visitor, groupPage())).words.includes('库存的事实')
        })
      })

      test.each(told())('in %s whoever may be in a group with an incident is not told that they are not', async (l) => {
        const members = [wang.user.userId, zhang.user.userId]
        const group = world.dingtalk.control.createGroup({ title: `王五的群 ${what} ${l}`, memberUserIds: members })
        await install(world, [group])
        const one = await alert(`群里的故障 ${what} ${l}`, [group])
        down()
        const page = await look(await visitorOf(wang, l), incidentPage(one))
        expect(page.words).toContain(
          l === 'zh-CN' ? '暂时无法确认你是否在收到这个故障的群里' : 'whether you are in a group',
        )
        expect(page.text).not.toContain('群里的故障')
        expect(offersRetry(page, l)).toBe(true)
      })
    })
  })

  describe('an integration that is switched off', () => {
    let before: Seen
    beforeAll(async () => {
      before = await look(await visitorOf(zhang), `${pages}/`)
      await world.cli('integration', 'set', world.integrationId, '--disable')
      await eventually('it is off', () => world.dingtalk.control.connections(world.dingtalkApp.clientId).length === 0)
    })
    afterAll(async () => {
      await world.cli('integration', 'set', world.integrationId, '--enable')
      const visitor = await visitorOf(zhang)
      await eventually('the buttons are back', async () => {
        const page = await look(visitor, `${pages}/`)
        return page.text.includes('name="act"') && !page.words.includes('集成已停用')
      })
      // Its runtime starts after its settings say so.
      await pageWith(visitor, groupPage(), '库存的事实')
    })

    test.each(everyPage())('in %s %s shows what is stored, and offers nothing that cannot be done', async (...row) => {
      const [language, name, path] = row
      const page = await look(await visitorOf(zhang, language), path())
      expect(page.status).toBe(200)
      expect(page.words).toContain(language === 'zh-CN' ? '集成已停用' : 'switched off')
      expect(offersRetry(page, language)).toBe(true)
      // Nobody can be asked who is in the group.
      if (name !== 'the group') expect(page.words).toContain('库存的事实')
      expect(page.text).not.toMatch(/name="act"/)
    })

    test('asks Flashduty for nothing', async () => {
      const asked = world.flashduty.control.requests().length
      await look(await visitorOf(zhang), incidentPage())
      expect(world.flashduty.control.requests()).toHaveLength(asked)
    })

    test('answers a button that was drawn before', async () => {
      const refused = await pressOn(await visitorOf(zhang), before, incident.incident_id, 'ack')
      expect(textOf(refused.text)).toContain('未执行。集成已停用：请联系管理员')
      expect(actsOn(world, incident)).toEqual([])
    })

    test.each(told())('in %s links nobody, and says so', async (language) => {
      const page = await look(await visitorOf(zhang, language), `${pages}/link`)
      expect(page.status).toBe(503)
      expect(page.words).toContain(language === 'zh-CN' ? '集成已停用' : 'switched off')
      expect(offersRetry(page, language)).toBe(true)
      expect(page.words).toContain(GONE_ON[language])
    })
  })

  afterAll(() => {
    // Whatever wanted to write while it could not may say so.
    const lines = scene.app.lines.filter(({ err }) => !JSON.stringify(err ?? '').includes('"STORE_UNAVAILABLE"'))
    expectSilence(world, lines, { errors: ['http-failed', 'store-refuses'] })
  })
}
