import { expect, test } from 'vitest'
import { World } from './world.ts'

test('ids have the length and alphabet of real ones, and are awkward where real ones are', () => {
  const world = new World()
  const app = world.createApp()
  expect(app).toMatchObject({
    clientId: expect.stringMatching(/^ding[a-z0-9]{16}$/),
    corpId: expect.stringMatching(/^ding[0-9a-f]{32}$/),
    coolAppCode: expect.stringMatching(/^COOLAPP-1-[0-9A-F]{24}$/),
    unifiedAppId: expect.stringMatching(/^[0-9a-f-]{36}$/),
  })
  for (let n = 0; n < 200; n += 1) {
    const user = world.createUser({ name: `U${n}` })
    expect(user.userId).toMatch(/^(manager\d{4}|\d{18})$/)
    expect(user.unionId).toMatch(/^[A-Za-z0-9]{20}iEiE$/)
    const group = world.createGroup({ title: 'G', memberUserIds: [user.userId] })
    expect(group.openConversationId).toMatch(/^cid(?=.*\+)(?=.*\/)[A-Za-z0-9+/]{22}==$/)
    expect(group.chatId).toMatch(/^chat[0-9a-f]{32}$/)
  }
  expect(world.users.size).toBe(200)
  expect(world.groups.size).toBe(200)
})

test('the first app may name the corporation', () => {
  const world = new World()
  world.createApp({ corpId: 'dingcorpdemo01' })
  expect(world.createApp().corpId).toBe('dingcorpdemo01')
})
