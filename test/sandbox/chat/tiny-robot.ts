import { once } from 'node:events'
import { WebSocket } from 'ws'
import type { DingTalkSandbox } from '../dingtalk/types.ts'
import type { FlashdutySandbox, Incident, Member } from '../flashduty/types.ts'

const PUBLIC_TEMPLATE = '1366a1eb-bc54-4859-ac88-517c56a9acb1.schema'
const CARD_TOPIC = '/v1.0/card/instances/callback'

type Frame = { type: string; headers: { topic: string; messageId: string }; data: string }
type Press = { outTrackId: string; userId: string; content: string }

/** As little of a robot as puts cards into the chat and answers their buttons, to try the page with. */
export class TinyRobot {
  readonly #dingtalk: DingTalkSandbox
  readonly #flashduty: FlashdutySandbox
  readonly #clientId: string
  readonly #members: Map<string, Member>
  #socket: WebSocket | undefined
  /** Set it to keep presses waiting. */
  beforeAnswer: () => Promise<void> = async () => {}

  /** @param members by DingTalk userId; whoever is missing is told to link first */
  constructor(dingtalk: DingTalkSandbox, flashduty: FlashdutySandbox, clientId: string, members: Map<string, Member>) {
    this.#dingtalk = dingtalk
    this.#flashduty = flashduty
    this.#clientId = clientId
    this.#members = members
  }

  async connect(): Promise<void> {
    const { endpoint, ticket } = (await this.#call('POST', '/v1.0/gateway/connections/open', {
      clientId: this.#clientId,
      clientSecret: this.#dingtalk.control.app(this.#clientId).clientSecret,
      subscriptions: [
        { type: 'EVENT', topic: '*' },
        { type: 'CALLBACK', topic: CARD_TOPIC },
      ],
    })) as { endpoint: string; ticket: string }
    const url = new URL(endpoint)
    url.searchParams.set('ticket', ticket)
    const socket = new WebSocket(url)
    this.#socket = socket
    socket.on('message', (data: Buffer) => void this.#answer(socket, JSON.parse(data.toString()) as Frame))
    await once(socket, 'open')
  }

  async disconnect(): Promise<void> {
    const socket = this.#socket
    if (socket === undefined || socket.readyState === WebSocket.CLOSED) return
    socket.close()
    await once(socket, 'close')
  }

  async sendCard(incident: Incident, target: { group: string } | { userId: string }): Promise<void> {
    const group = 'group' in target
    const last = { ZH_CN: `#${incident.num} ${incident.title}` }
    await this.#call('POST', '/v1.0/card/instances/createAndDeliver', {
      cardTemplateId: PUBLIC_TEMPLATE,
      outTrackId: `${incident.incident_id}-${group ? 'g' : target.userId}`,
      callbackType: 'STREAM',
      cardData: { cardParamMap: drawCard(incident) },
      ...(group
        ? {
            openSpaceId: `dtv1.card//IM_GROUP.${target.group}`,
            imGroupOpenSpaceModel: { supportForward: false, lastMessageI18n: last },
            imGroupOpenDeliverModel: { robotCode: this.#clientId },
          }
        : {
            openSpaceId: `dtv1.card//IM_ROBOT.${target.userId}`,
            imRobotOpenSpaceModel: { supportForward: false, lastMessageI18n: last },
            imRobotOpenDeliverModel: { spaceType: 'IM_ROBOT', robotCode: this.#clientId },
          }),
    })
  }

  async updateCard(incident: Incident, outTrackId: string): Promise<void> {
    await this.#call('PUT', '/v1.0/card/instances', {
      outTrackId,
      cardData: { cardParamMap: drawCard(incident) },
      cardUpdateOptions: { updateCardDataByKey: true, updatePrivateDataByKey: true },
    })
  }

  async say(userId: string, msgKey: string, msgParam: Record<string, string>): Promise<void> {
    const body = { robotCode: this.#clientId, userIds: [userId], msgKey, msgParam: JSON.stringify(msgParam) }
    await this.#call('POST', '/v1.0/robot/oToMessages/batchSend', body)
  }

  async #answer(socket: WebSocket, frame: Frame): Promise<void> {
    let data = frame.data
    if (frame.type === 'EVENT') data = JSON.stringify({ status: 'SUCCESS', message: 'ok' })
    if (frame.type === 'CALLBACK')
      data = JSON.stringify({ response: await this.#press(JSON.parse(frame.data) as Press) })
    const { topic, messageId } = frame.headers
    const headers = { topic, messageId, contentType: 'application/json' }
    socket.send(JSON.stringify({ code: 200, headers, message: 'OK', data }))
  }

  async #press({ outTrackId, userId, content }: Press): Promise<unknown> {
    await this.beforeAnswer()
    const { actionIds } = (JSON.parse(content) as { cardPrivateData: { actionIds: [string] } }).cardPrivateData
    const member = this.#members.get(userId)
    const options = { updateCardDataByKey: true, updatePrivateDataByKey: true }
    if (member === undefined) {
      const cardParamMap = { tips: '未关联应用：请打开工作台应用完成登录关联' }
      return { cardUpdateOptions: options, cardData: { cardParamMap } }
    }
    const id = outTrackId.slice(0, 24)
    await fetch(`${this.#flashduty.apiUrl}/incident/${actionIds[0]}?app_key=${member.app_key}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ incident_ids: [id] }),
    })
    const incident = this.#flashduty.control.incident(id)
    setImmediate(() => void this.updateCard(incident, outTrackId))
    return { cardUpdateOptions: options, cardData: { cardParamMap: drawCard(incident) } }
  }

  async #call(method: 'POST' | 'PUT', path: string, body: unknown): Promise<unknown> {
    const { apiUrl, control } = this.#dingtalk
    const { clientSecret } = control.app(this.#clientId)
    const headers: Record<string, string> = { 'Content-Type': 'application/json', Accept: 'application/json' }
    if (!path.includes('gateway')) {
      const token = (await send(`${apiUrl}/v1.0/oauth2/accessToken`, 'POST', headers, {
        appKey: this.#clientId,
        appSecret: clientSecret,
      })) as { accessToken: string }
      headers['x-acs-dingtalk-access-token'] = token.accessToken
    }
    return send(`${apiUrl}${path}`, method, headers, body)
  }
}

async function send(url: string, method: 'POST' | 'PUT', headers: Record<string, string>, body: unknown) {
  const response = await fetch(url, { method, headers, body: JSON.stringify(body) })
  const answer: unknown = await response.json()
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${JSON.stringify(answer)}`)
  return answer
}

const PROGRESS = { Triggered: '待处理', Processing: '处理中', Closed: '已关闭' }
const SIGN = { Critical: '🔴', Warning: '🟠', Info: '🟡' }

function drawCard(incident: Incident): Record<string, string> {
  const { progress, incident_severity: severity, num, title } = incident
  const responders = incident['responders'] as { person_name: string; acknowledged_at: number }[]
  const button = (id: string, text: string, color: string) => ({ id, text, color, request: true, params: { id } })
  const buttons = {
    Triggered: [button('ack', '认领', 'blue'), button('resolve', '关闭', 'gray')],
    Processing: [button('resolve', '关闭', 'blue'), button('unack', '取消认领', 'gray')],
    Closed: [],
  }[progress]
  const detail = { text: '查看详情', color: 'gray', url: String(incident['detail_url']) }
  const people = responders.map((one) => `${one.person_name}${one.acknowledged_at > 0 ? ' ✓' : ''}`).join('、')
  return {
    title: `${SIGN[severity]} ${PROGRESS[progress]} | #${num} ${title}`,
    markdown: [
      `**协作空间** ${String(incident['channel_name'])}`,
      `**严重程度** ${severity}`,
      `**处理人** ${people === '' ? '无' : people}`,
      String(incident['description']),
    ].join('\n\n'),
    tips: `Flashduty · ${String(incident['channel_name'])}`,
    sys_full_json_obj: JSON.stringify({ msgButtons: [...buttons, detail] }),
  }
}
