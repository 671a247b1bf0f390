import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { displayWidth } from '../support/command.ts'
import { createWorld, DATA_SOURCE_ID, type World } from '../support/world.ts'

const AES_KEY = 'Zyxwvutsrqponmlkjihgfedcba9876543210ZYXWVUT'
const TOKEN = 'anotherToken99'
const SECRET = 'a-client-secret-nobody-may-see'

let world: World

beforeAll(async () => {
  world = await createWorld()
})
afterAll(() => world?.close())

type Form = Record<string, string | undefined>

/** The guide's form; a field set to undefined is left out. */
function form(changes: Form = {}): string[] {
  const fields: Form = {
    '--name': '备用集成',
    '--corp-id': 'ding-other',
    '--agent-id': '987654',
    '--client-id': 'ding-client-other',
    '--client-secret': SECRET,
    '--aes-key': AES_KEY,
    '--token': TOKEN,
    ...changes,
  }
  return Object.entries(fields).flatMap(([flag, value]) => (value === undefined ? [] : [flag, value]))
}

async function done(...args: string[]): Promise<string> {
  const { code, out, err } = await world.cli(...args)
  expect({ code, err }).toEqual({ code: 0, err: '' })
  for (const secret of [SECRET, AES_KEY, TOKEN, world.dingtalkApp.clientSecret]) expect(out).not.toContain(secret)
  return out
}

async function refused(code: number, ...args: string[]): Promise<string> {
  const printed = await world.cli(...args)
  expect(printed).toMatchObject({ code, out: '' })
  expect(printed.err).not.toMatch(/\n {4}at /)
  for (const secret of [SECRET, AES_KEY, TOKEN]) expect(printed.err).not.toContain(secret)
  return printed.err
}

type Row = { id: string; name: string; clientId: string; qps: number; default: boolean; enabled: boolean }

async function list(): Promise<Row[]> {
  return JSON.parse(await done('integration', 'list', '--json')) as Row[]
}

/** Adds one for the length of the test. */
async function withAnother(changes: Form, use: (id: string) => Promise<void>): Promise<void> {
  const added = JSON.parse(await done('integration', 'add', ...form(changes), '--json')) as { id: string }
  try {
    await use(added.id)
  } finally {
    await world.cli('integration', 'remove', added.id, '--yes')
  }
}

describe('add', () => {
  test('takes an empty template as none, as `set` does', async () => {
    await withAnother({ '--template-id': '', '--flashduty-key': ' ' }, async (id) => {
      expect(JSON.parse(await done('integration', 'show', id, '--json'))).toMatchObject({ templateId: null })
      expect(await done('integration', 'show', id)).toContain('卡片模板            钉钉公共模板')
    })
  })

  test('knows the vendor’s AI card by a name', async () => {
    await withAnother({ '--template-id': 'ai-markdown' }, async (id) => {
      expect(JSON.parse(await done('integration', 'show', id, '--json'))).toMatchObject({ templateId: 'ai-markdown' })
      expect(await done('integration', 'show', id)).toContain('卡片模板            ai-markdown')
      await done('integration', 'set', id, '--template-id', 'public')
      expect(JSON.parse(await done('integration', 'show', id, '--json'))).toMatchObject({ templateId: null })
      await done('integration', 'set', id, '--template-id', 'ai-markdown')
      expect(await done('integration', 'show', id)).toContain('卡片模板            ai-markdown')
    })
  })

  test('prints what step 二 of the guide asks for, ready to be pasted', async () => {
    const out = await done('integration', 'add', ...form())
    const { id } = (await list()).find(({ name }) => name === '备用集成') ?? { id: '' }
    const base = world.env['PUBLIC_URL']
    const shown = new Map(out.split('\n').map((line) => line.split(/ {2,}/) as [string, string]))
    expect(shown.get('酷应用网页地址')).toBe(`${base}/h5/${id}/group?corpId=$CORPID$&cid=$ENCCID$`)
    expect(shown.get('应用首页地址')).toBe(`${base}/h5/${id}/`)
    expect(shown.get('PC 端首页地址')).toBe(`${base}/h5/${id}/pc`)
    expect(shown.get('服务器出口 IP')).toBe('203.0.113.7')
    expect(shown.get('事件订阅请求网址')).toMatch(
      /^https:\/\/oncall\.example\.com\/fd\/event\/push\/dingtalk\?integration_key=[0-9a-f]{32}$/,
    )
    expect(out).toMatch(/事件订阅请求网址 .*secret/)

    const values = out.split('\n').filter((line) => /^\S.* {2,}(https:|203)/.test(line))
    expect(values).toHaveLength(5)
    const columns = values.map((line) => displayWidth(line.slice(0, line.search(/https:|203/))))
    expect(new Set(columns).size).toBe(1)
    await done('integration', 'remove', id, '--yes')
  })

  test('as JSON: the addresses under stable names', async () => {
    const { id: itsId, ...added } = JSON.parse(await done('integration', 'add', ...form(), '--json')) as {
      id: string
      eventSubscription: string
    }
    expect(added).toEqual({
      name: '备用集成',
      enabled: true,
      acting: 'member-key',
      coolAppPage: `https://oncall.example.com/fd/h5/${itsId}/group?corpId=$CORPID$&cid=$ENCCID$`,
      mobileHome: `https://oncall.example.com/fd/h5/${itsId}/`,
      pcHome: `https://oncall.example.com/fd/h5/${itsId}/pc`,
      eventSubscription: expect.stringContaining('/event/push/dingtalk?integration_key=') as string,
      egressIp: '203.0.113.7',
      connections: 2,
      templateId: null,
      templateRefused: false,
      calls: { used: expect.any(Number) as number, limit: 5_000 },
      pushes: { used: expect.any(Number) as number, limit: 3_000 },
      events: { mode: 'stream', lastOverStream: null, lastOverHttp: null },
      stream: 'on',
      robotMessages: null,
      cards: { callbackType: 'STREAM', registered: null, problem: null },
      testCards: [],
    })
    expect(added.eventSubscription).not.toContain(itsId)
    await done('integration', 'remove', itsId, '--yes')
  })

  test.each(['--name', '--corp-id', '--agent-id', '--client-id', '--client-secret', '--aes-key', '--token'])(
    '%s cannot be left out, nor be blank',
    async (flag) => {
      expect(await refused(2, 'integration', 'add', ...form({ [flag]: undefined }))).toContain(flag)
      expect(await refused(2, 'integration', 'add', ...form({ [flag]: '  ' }))).toContain(flag)
      expect(await list()).toHaveLength(1)
    },
  )

  test.each([
    ['--aes-key', 'tooShortToBeAnAesKey', '43'],
    ['--aes-key', `${AES_KEY.slice(1)}=`, '43'],
    ['--token', 'has blanks in it', '3 to 32'],
    ['--token', 'x'.repeat(33), '3 to 32'],
  ])('a wrong %s is refused with the rule and without its value', async (flag, value, rule) => {
    const told = await refused(2, 'integration', 'add', ...form({ [flag]: value }))
    expect(told).toContain(flag)
    expect(told).toContain(rule)
    expect(told).not.toContain(value)
    expect(await list()).toHaveLength(1)
  })

  test.each([
    ['--data-source-id', 'five'],
    ['--data-source-id', '0'],
    ['--data-source-id', '1.5'],
    ['--connections', '0'],
    ['--connections', '5'],
    ['--qps', '-1'],
    ['--qps', '1001'],
    ['--qps', 'fast'],
  ])('%s %s is refused', async (flag, value) => {
    const told = await refused(2, 'integration', 'add', ...form({ [flag]: value }))
    expect(told).toContain(flag)
    expect(told).toContain('whole number')
    expect(await list()).toHaveLength(1)
  })

  test('the same app twice is refused, naming the field and the one that has it', async () => {
    const told = await refused(1, 'integration', 'add', ...form({ '--client-id': world.dingtalkApp.clientId }))
    expect(told).toContain('--client-id')
    expect(told).toContain('钉钉值班')
    expect(await list()).toHaveLength(1)
  })

  test('the same Flashduty id twice is refused', async () => {
    const told = await refused(1, 'integration', 'add', ...form({ '--data-source-id': String(DATA_SOURCE_ID) }))
    expect(told).toContain('--data-source-id')
    expect(told).toContain('钉钉值班')
  })

  test('blanks around what was pasted do not matter', async () => {
    await withAnother({ '--client-id': '  ding-pasted ', '--name': ' 值班 ' }, async (id) => {
      expect((await list()).find((row) => row.id === id)).toMatchObject({ clientId: 'ding-pasted', name: '值班' })
    })
  })
})

describe('list and show', () => {
  test('a table whose columns stand in line, whatever the names', async () => {
    await withAnother({ '--name': '数据库 DBA，夜班' }, async () => {
      const lines = (await done('integration', 'list')).trimEnd().split('\n')
      expect(lines.filter((line) => /钉钉值班|数据库 DBA，夜班/.test(line))).toHaveLength(2)
      expect(new Set(lines.map(displayWidth)).size).toBe(1)
    })
  })

  test('as JSON', async () => {
    const { clientId, corpId } = world.dingtalkApp
    expect(await list()).toEqual([
      {
        id: world.integrationId,
        name: '钉钉值班',
        corpId,
        clientId,
        dataSourceId: DATA_SOURCE_ID,
        qps: 20,
        default: true,
        enabled: true,
      },
    ])
  })

  test('show takes the id, the name, or nothing for the default one', async () => {
    await withAnother({}, async (id) => {
      const idOf = async (...wanted: string[]): Promise<unknown> =>
        (JSON.parse(await done('integration', 'show', ...wanted, '--json')) as { id: string }).id
      expect(await idOf(id)).toBe(id)
      expect(await idOf('备用集成')).toBe(id)
      expect(await idOf()).toBe(world.integrationId)
      expect(await done('integration', 'show', id)).toContain(`/h5/${id}/`)
    })
  })

  test('an unknown one is refused with those there are', async () => {
    for (const command of [['show'], ['set', '--qps', '5'], ['remove', '--yes']]) {
      const [verb = '', ...rest] = command
      const told = await refused(1, 'integration', verb, 'nobody', ...rest)
      expect(told).toContain('nobody')
      expect(told).toContain(world.integrationId)
      expect(told).toContain('钉钉值班')
    }
  })

  test('of two by one name none is guessed', async () => {
    await withAnother({ '--name': '钉钉值班' }, async (id) => {
      for (const command of [['show'], ['set', '--qps', '5'], ['remove', '--yes']]) {
        const [verb = '', ...rest] = command
        const told = await refused(1, 'integration', verb, '钉钉值班', ...rest)
        expect(told).toContain(id)
        expect(told).toContain(world.integrationId)
      }
      expect((await list()).map((row) => [row.id, row.qps])).toEqual([
        [world.integrationId, 20],
        [id, 20],
      ])
    })
  })
})

describe('set', () => {
  test('changes what is named and nothing else', async () => {
    await withAnother({ '--data-source-id': '77' }, async (id) => {
      const before = (await list()).find((row) => row.id === id)
      const out = await done('integration', 'set', id, '--name', '新名', '--qps', '0', '--client-secret', SECRET)
      expect(out).toContain(id)
      expect((await list()).find((row) => row.id === id)).toEqual({ ...before, name: '新名', qps: 0 })
      await done('integration', 'set', id, '--disable')
      expect((await list()).find((row) => row.id === id)).toMatchObject({ enabled: false, name: '新名' })
      expect(await done('integration', 'show', id)).toContain('已停用')
      await done('integration', 'set', '新名', '--enable')
      expect((await list()).find((row) => row.id === id)?.enabled).toBe(true)
    })
  })

  test('there is one default at most', async () => {
    await withAnother({}, async (id) => {
      await done('integration', 'set', id, '--default')
      expect((await list()).filter((row) => row.default).map((row) => row.id)).toEqual([id])
      await done('integration', 'set', world.integrationId, '--default')
      expect((await list()).filter((row) => row.default).map((row) => row.id)).toEqual([world.integrationId])
    })
  })

  test('what another one has is refused', async () => {
    await withAnother({}, async (id) => {
      const { clientId } = world.dingtalkApp
      expect(await refused(1, 'integration', 'set', id, '--client-id', clientId)).toContain('--client-id')
      expect(await refused(1, 'integration', 'set', id, '--data-source-id', String(DATA_SOURCE_ID))).toContain(
        '钉钉值班',
      )
    })
  })

  test('no change, and a change that contradicts itself, are wrong usage', async () => {
    expect(await refused(2, 'integration', 'set', world.integrationId)).toContain('at least one field')
    const told = await refused(2, 'integration', 'set', world.integrationId, '--enable', '--disable')
    expect(told).toContain('--enable')
    expect((await list())[0]).toMatchObject({ enabled: true })
  })
})

test('remove asks for --yes, and takes groups, links and keys along', async () => {
  await withAnother({}, async (id) => {
    await done('links', 'add', '--integration', id, '--dingtalk-user', 'u1', '--member', '42')
    expect(await refused(2, 'integration', 'remove', id)).toContain('--yes')
    expect(await list()).toHaveLength(2)
    expect(await done('integration', 'remove', id, '--yes')).toContain('备用集成')
    expect((await list()).map((row) => row.id)).toEqual([world.integrationId])
    expect(await done('links', 'list', '--json')).not.toContain('u1')
  })
})

describe('the way of acting', () => {
  const acting = async (): Promise<string> => {
    const shown = await done('integration', 'show', world.integrationId, '--json')
    return (JSON.parse(shown) as { acting: string }).acting
  }
  const set = (...fields: string[]) => world.cli('integration', 'set', world.integrationId, ...fields)

  test('an owner’s key is tried before it is kept, makes none, and is never shown', async () => {
    const owner = world.flashduty.control.createMember({ member_name: '主账号', is_owner: true })
    expect(await set('--owner-key', owner.app_key)).toMatchObject({ code: 0, err: '' })
    expect(await acting()).toBe('owner-key')
    expect(world.flashduty.control.madeKeys()).toEqual([])
    expect(await done('integration', 'show', world.integrationId)).not.toContain(owner.app_key)
    expect(await set('--acting', 'queue')).toMatchObject({ code: 0 })
    expect(await acting()).toBe('queue')
    // It is still on file.
    expect(await set('--acting', 'owner-key')).toMatchObject({ code: 0, err: '' })
    expect(await set('--owner-key', '')).toMatchObject({ code: 0 })
    expect(await acting()).toBe('member-key')
  })

  test('a key that is not the owner’s, or a Flashduty without the route, leaves members’ own keys, and says why', async () => {
    const { control } = world.flashduty
    const { zhang } = world.people
    const notOwner = await set('--acting', 'owner-key', '--owner-key', zhang.member.app_key)
    expect(notOwner).toMatchObject({ code: 0, err: expect.stringMatching(/AccessDenied[^]*member-key/) as string })
    expect(await acting()).toBe('member-key')

    const owner = control.createMember({ member_name: '主账号', is_owner: true })
    control.offerAppKeys(false)
    const notOffered = await set('--acting', 'owner-key', '--owner-key', owner.app_key)
    control.offerAppKeys(true)
    expect(notOffered).toMatchObject({ code: 0, err: expect.stringMatching(/RouteNotFound[^]*member-key/) as string })
    expect(await acting()).toBe('member-key')
  })

  test('what cannot work is refused, and nothing is changed', async () => {
    const wrong = await set('--acting', 'owner-key', '--owner-key', 'no-such-key')
    expect(wrong).toMatchObject({ code: 1, err: expect.stringContaining('Unauthorized') as string })
    expect(wrong.err).not.toContain('no-such-key')
    expect(await set('--acting', 'owner-key')).toMatchObject({
      code: 2,
      err: expect.stringContaining('--owner-key') as string,
    })
    expect(await set('--acting', 'service-key')).toMatchObject({
      code: 2,
      err: expect.stringContaining('queue') as string,
    })
    const { control } = world.flashduty
    control.addFault({ path: '/person/app-key/create', effect: { kind: 'error', status: 503, code: '', message: '' } })
    const asked = await set('--owner-key', 'some-key')
    expect(asked).toMatchObject({ code: 1, err: expect.stringContaining('could not be asked') as string })
    expect(await acting()).toBe('member-key')
  })
})
