import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startDingTalk } from '../dingtalk/index.ts'
import type { App, DingTalkSandbox, Group, User } from '../dingtalk/types.ts'
import { startFlashduty } from '../flashduty/index.ts'
import type { FlashdutySandbox } from '../flashduty/types.ts'
import { startChat } from './index.ts'
import type { ChatState } from './model.ts'

describe('the API of the page', () => {
  let dingtalk: DingTalkSandbox
  let flashduty: FlashdutySandbox
  let app: App
  let li: User
  let group: Group
  let fired: (string | undefined)[]
  let chat: { url: string; close(): Promise<void> }

  beforeEach(async () => {
    dingtalk = await startDingTalk()
    flashduty = await startFlashduty()
    app = dingtalk.control.createApp()
    li = dingtalk.control.createUser({ name: '李雷' })
    group = dingtalk.control.createGroup({ title: '值班群', memberUserIds: [li.userId] })
    const other = dingtalk.control.createUser({ name: '王大锤' })
    dingtalk.control.createGroup({ title: '无关群', memberUserIds: [li.userId, other.userId] })
    fired = []
    const people = [li, other].map(({ userId, name }) => ({ userId, name, note: '' }))
    const fire = async (kind?: string) => void fired.push(kind)
    const groups = [group.openConversationId]
    chat = await startChat({ dingtalk, flashduty, people, clientId: app.clientId, groups, fire })
  })

  afterEach(async () => {
    await chat.close()
    await flashduty.close()
    await dingtalk.close()
  })

  const state = async (viewer: string) =>
    (await (await fetch(`${chat.url}/api/state?viewer=${viewer}`)).json()) as ChatState & { feed: { text: string }[] }

  const post = (name: string, body: unknown, type = 'application/json') =>
    fetch(`${chat.url}/api/${name}`, { method: 'POST', headers: { 'Content-Type': type }, body: JSON.stringify(body) })

  test('shows the groups it was given and the own chat with the robot', async () => {
    expect((await state(li.userId)).conversations).toMatchObject([
      { kind: 'group', title: '值班群', members: ['李雷'], installed: false },
      { kind: 'robot', title: 'Flashduty', installed: true, messages: [] },
    ])
    const [, wang] = (await state('nobody')).people
    expect((await state(wang?.userId ?? '')).conversations.map(({ kind }) => kind)).toEqual(['robot'])
  })

  test('acts on the simulator, and says what it would not do', async () => {
    const { openConversationId: id } = group
    expect((await post('install', { viewer: li.userId, group: id })).status).toBe(200)
    expect(dingtalk.control.group(id).coolApps).toMatchObject([{ clientId: app.clientId }])
    await post('rename', { viewer: li.userId, group: id, title: '新名' })
    expect(dingtalk.control.group(id).title).toBe('新名')
    await post('uninstall', { viewer: li.userId, group: id })
    const twice = await post('uninstall', { viewer: li.userId, group: id })
    expect(twice.status).toBe(409)
    expect(await twice.json()).toEqual({ error: expect.stringContaining('not installed') as string })
    await post('fire', {})
    await post('fire', { kind: 'storm' })
    expect(fired).toEqual([undefined, 'storm'])
  })

  test.each([
    ['an act it does not know', 'toString', {}, 'application/json', 404],
    ['anything but JSON', 'fire', {}, 'text/plain', 415],
    ['no object', 'fire', 'x', 'application/json', 400],
    ['a field that is no text', 'fire', { kind: 1 }, 'application/json', 400],
  ])('refuses %s', async (_what, name, body, type, status) => {
    expect((await post(name, body, type)).status).toBe(status)
    expect(fired).toEqual([])
  })

  test('serves its three files and nothing else of the folder', async () => {
    for (const path of ['/', '/chat.css', '/chat.js']) expect((await fetch(chat.url + path)).status).toBe(200)
    for (const path of ['/index.html', '/../server.ts', '/%2e%2e/server.ts', '/api/nothing']) {
      expect((await fetch(chat.url + path)).status).toBe(404)
    }
  })

  test('the feed tells calls, pushes and events apart', async () => {
    const { member_id: memberId, app_key: key } = flashduty.control.createMember({ member_name: '李雷' })
    const { channel_id: channelId } = flashduty.control.createChannel('支付')
    const incident = await flashduty.control.fireIncident({ title: 't', channelId, personIds: [memberId] })
    await fetch(`${flashduty.apiUrl}/incident/ack?app_key=${key}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ incident_ids: [incident.incident_id] }),
    })
    await fetch(`${flashduty.apiUrl}/incident/ack?app_key=unknown`, { method: 'POST' })
    await fetch(`${dingtalk.apiUrl}/v1.0/oauth2/accessToken`, { method: 'POST', body: '{}' })
    expect((await state(li.userId)).feed).toMatchObject([
      { source: 'Flashduty', text: '事件 i_new', aside: `#${incident.num}` },
      { source: 'Flashduty', text: '事件 i_assign' },
      { source: 'Flashduty', text: '事件 i_ack', aside: `#${incident.num} · 李雷` },
      { source: 'Flashduty', text: '/incident/ack', tone: 'good', aside: '200 · 李雷' },
      { source: 'Flashduty', text: '/incident/ack', tone: 'bad', aside: 'Unauthorized' },
      { source: '钉钉', text: 'accessToken', tone: 'bad' },
    ])
  })
})
