import { startChat } from '../sandbox/chat/index.ts'
import type { Incident } from '../sandbox/flashduty/types.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { eventually } from '../support/eventually.ts'
import { findFreePort } from '../support/free-port.ts'
import { createWorld, type World } from '../support/world.ts'

/** Everything the demo shows: a Redis, the simulated platforms, the daemon as a process, and the chat window. */
export type Stage = {
  world: World
  daemon: Daemon
  /** Of the chat window. */
  url: string
  fire: () => Promise<Incident>
  close: () => Promise<void>
}

const ALERTS = [
  {
    title: 'db-01 cpu.idle 低于 10%',
    severity: 'Critical' as const,
    labels: {
      resource: 'db-01',
      check: 'cpu.idle',
      alert_name: 'cpu_idle_low',
      runbook: 'https://wiki.example/cpu_idle',
    },
    description: '最近 5 分钟平均 **4.2%**，阈值 10%。\n1. 先看慢查询\n2. 再看连接数',
  },
  {
    title: 'mq-03 消费积压 12 万条',
    severity: 'Warning' as const,
    labels: { resource: 'mq-03', topic: 'order-created' },
    description:
      '<p>消费组 billing 落后 <b>12 万</b>条</p><ul><li>近 10 分钟持续增长</li><li>消费者 3 / 3 在线</li></ul>',
  },
  {
    title: 'web-07 磁盘使用率 81%',
    severity: 'Info' as const,
    labels: { resource: 'web-07', mount: '/data' },
    description: '/data 已用 **81%**\n按目前增速约 3 天后写满',
  },
]

/** @param say one line per step, for whoever watches */
export async function setStage(say: (line: string) => void, port = 0): Promise<Stage> {
  const pagesPort = await findFreePort()
  const pagesUrl = `http://127.0.0.1:${pagesPort}`
  const world = await createWorld({ env: { HTTP_PORT: String(pagesPort), PUBLIC_URL: pagesUrl } })
  const undo: (() => Promise<unknown>)[] = [() => world.close()]
  const close = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step()
  }
  try {
    say(`A Redis of our own runs on port ${world.redis.port}; DingTalk and Flashduty are simulated on 127.0.0.1.`)
    await prepareLinking(world)
    const daemon = await startDaemon(world.env)
    undo.push(() => daemon.end('SIGTERM'))
    say(`The daemon runs as process ${daemon.pid} and holds its Stream connection; its pages are below ${pagesUrl}.`)

    const { control } = world.dingtalk
    const groups = [world.groups.oncall, world.groups.platform].map((group) => group.openConversationId)
    for (const group of groups) control.installCoolApp(group, world.dingtalkApp.clientId)
    await eventually('both groups known by title', async () => {
      const { out } = await world.cli('groups', '--json')
      return (JSON.parse(out) as { title: string | null }[]).filter(({ title }) => title !== null).length === 2
    })
    say('The cool app is installed in both groups; the daemon knows them by name.')

    let fired = 0
    const fire = (): Promise<Incident> => {
      const alert = ALERTS[fired % ALERTS.length] ?? ALERTS[0]
      fired += 1
      return world.flashduty.control.fireIncident({
        ...alert,
        title: alert?.title ?? '',
        channelId: world.channelId,
        responderIds: [world.people.zhang.member.member_id, world.people.li.member.member_id],
        personIds: [world.people.zhang.member.member_id, world.people.li.member.member_id],
        chats: groups.map((chat_id) => ({ chat_id })),
      })
    }
    const { zhang, li, wang } = world.people
    const chat = await startChat({
      dingtalk: world.dingtalk,
      flashduty: world.flashduty,
      people: [
        { userId: zhang.user.userId, name: zhang.user.name, note: '已关联' },
        { userId: li.user.userId, name: li.user.name, note: '已关联' },
        {
          userId: wang.user.userId,
          name: wang.user.name,
          get note() {
            return isLinked(daemon, wang.user.userId) ? '已关联' : '从未关联'
          },
        },
      ],
      clientId: world.dingtalkApp.clientId,
      groups,
      fire: async () => void (await fire()),
      port,
    })
    undo.push(() => chat.close())
    return { world, daemon, url: chat.url, fire, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Linking takes one tap: 王五 has the address at both platforms, and the account owner's key makes theirs. */
async function prepareLinking(world: World): Promise<void> {
  const { dingtalk, flashduty, integrationId } = world
  const { wang } = world.people
  const owner = flashduty.control.createMember({ member_name: '主账号', email: 'owner@example.com', is_owner: true })
  dingtalk.control.updateUser(wang.user.userId, { orgEmail: wang.member.email })
  const keys = ['--flashduty-key', owner.app_key, '--owner-key', owner.app_key]
  const { code, err } = await world.cli('integration', 'set', integrationId, '--acting', 'owner-key', ...keys)
  if (code !== 0) throw new Error(`integration set failed: ${err}`)
}

function isLinked({ lines }: Daemon, userId: string): boolean {
  const last = lines.findLast((line) => line['userId'] === userId && ['linked', 'unlinked'].includes(line.msg))
  return last?.msg === 'linked'
}
