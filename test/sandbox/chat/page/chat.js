/** The page asks for everything one viewer sees, draws it, and asks again whenever it is told of a change. */

const NEAR_BOTTOM_PX = 80
const TIME_GAP_MS = 5 * 60_000
const TOAST_MS = 4_000
const HIGHLIGHT_MS = 1_800

const byId = (id) => document.getElementById(id)
const people = byId('people')
const conversations = byId('conversations')
const messages = byId('messages')
const toast = byId('toast')
const feed = byId('feed')
const renameTitle = byId('rename-title')

let viewer = new URL(location.href).searchParams.get('viewer') ?? ''
let state
/** Conversation each viewer has open. */
const opened = new Map()
/** `viewer card` to the id of the button whose answer is awaited. */
const pressing = new Map()

// ── Drawing ────────────────────────────────────────────────────────────────────────────────────────────────────────

function element(tag, properties = {}, ...children) {
  const { testid, ...rest } = properties
  const made = Object.assign(document.createElement(tag), rest)
  if (testid !== undefined) made.dataset.testid = testid
  made.append(...children.filter((child) => child !== undefined))
  return made
}

const signatures = new WeakMap()

/** Makes the children of `parent` show `items`; elements whose item did not change stay the ones they are. */
function drawList(parent, items, keyOf, build, onReplaced = () => {}) {
  const there = new Map([...parent.children].map((child) => [child.dataset.key, child]))
  const wanted = items.map((item) => {
    const key = String(keyOf(item))
    const signature = JSON.stringify(item)
    const old = there.get(key)
    if (old !== undefined && signatures.get(old) === signature) return old
    const made = build(item)
    made.dataset.key = key
    signatures.set(made, signature)
    if (old !== undefined) {
      const focused = old.contains(document.activeElement) ? document.activeElement?.dataset.testid : undefined
      old.replaceWith(made)
      if (focused !== undefined)
        [made, ...made.querySelectorAll('*')].find((e) => e.dataset.testid === focused)?.focus()
      onReplaced(made, item, JSON.parse(signatures.get(old)))
    }
    return made
  })
  wanted.forEach((child, index) => {
    if (parent.children[index] !== child) parent.insertBefore(child, parent.children[index] ?? null)
  })
  while (parent.children.length > wanted.length) parent.lastElementChild.remove()
}

function avatar(name, kind = '') {
  const tint = [...name].reduce((sum, sign) => sum + (sign.codePointAt(0) ?? 0), 0) % 5
  const signs = [...name]
  const shown = { robot: 'FD', group: signs.slice(0, 2).join('') }[kind] ?? signs.slice(-2).join('')
  return element('span', { className: `avatar ${kind || `tint-${tint}`}`, ariaHidden: 'true' }, shown)
}

function unreadMark(count) {
  return count > 0
    ? element('span', { className: 'unread', testid: 'unread' }, count > 99 ? '99+' : `${count}`)
    : undefined
}

function clock(at, withSeconds = false) {
  if (at === 0) return ''
  const second = withSeconds ? { second: '2-digit' } : {}
  return new Date(at).toLocaleTimeString('zh-CN', { hour: '2-digit', minute: '2-digit', hour12: false, ...second })
}

function drawPerson({ userId, name, note, unread, chosen }) {
  return element(
    'button',
    {
      className: chosen ? 'row chosen' : 'row',
      testid: `viewer-${userId}`,
      ariaPressed: String(chosen),
      onclick: () => lookAs(userId),
    },
    avatar(name),
    element(
      'span',
      { className: 'lines' },
      element('div', {}, element('span', { className: 'name' }, name), unreadMark(unread)),
      element('div', {}, element('span', { className: 'under' }, note)),
    ),
  )
}

function drawConversation({ id, index, kind, title, unread, lastLine, lastAt, chosen }) {
  return element(
    'button',
    {
      className: chosen ? 'row chosen' : 'row',
      testid: `conversation-${index}`,
      ariaPressed: String(chosen),
      onclick: () => open(id),
    },
    avatar(title, kind),
    element(
      'span',
      { className: 'lines' },
      element(
        'div',
        {},
        element('span', { className: 'name' }, title),
        element('span', { className: 'when' }, clock(lastAt)),
      ),
      element('div', {}, element('span', { className: 'under' }, lastLine), unreadMark(unread)),
    ),
  )
}

function drawMessage(message) {
  const place = element('div', { className: 'message' })
  if (message.showTime) place.append(element('div', { className: 'time' }, clock(message.at)))
  place.append(message.kind === 'notice' ? element('div', { className: 'notice' }, message.text) : drawSaid(message))
  return place
}

function drawSaid(message) {
  const width = message.kind === 'text' ? '' : 'card-place'
  return element(
    'div',
    { className: 'said' },
    avatar('Flashduty', 'robot'),
    element(
      'div',
      { className: width },
      element('div', { className: 'sender' }, 'Flashduty', element('b', {}, '机器人')),
      drawContent(message),
    ),
  )
}

function drawContent(message) {
  if (message.kind === 'text') return element('div', { className: 'bubble', testid: 'robot-text' }, message.text)
  if (message.kind === 'lost-card') return element('div', { className: 'card lost' }, '卡片暂时无法显示')
  // What the server made of Markdown; markup of the text's own is escaped there.
  const body = element('div', { className: 'markdown', testid: 'card-markdown', innerHTML: message.html })
  const title =
    message.title === '' ? undefined : element('div', { className: 'card-title', testid: 'card-title' }, message.title)
  const facts = (message.facts ?? []).map((fact) => element('p', { testid: 'card-fact' }, fact))
  const tips = message.tips ? element('div', { className: 'tips', testid: 'card-tips' }, message.tips) : undefined
  const buttons =
    message.buttons.length > 0
      ? element('div', { className: 'buttons' }, ...message.buttons.map((button) => drawButton(message, button)))
      : undefined
  return element(
    'article',
    { className: 'card', testid: message.kind === 'card' ? 'card' : 'robot-message' },
    title,
    facts.length > 0 ? element('div', { className: 'facts' }, ...facts) : undefined,
    message.html === '' ? undefined : body,
    tips,
    buttons,
  )
}

const LOOKS = { blue: 'primary', red: 'danger' }

function drawButton({ card, pressed }, { id, url, text, color }) {
  const look = `button ${LOOKS[color] ?? ''}`
  const testid = `button-${text}`
  if (url !== undefined)
    return element('a', { className: look, testid, href: url, target: '_blank', rel: 'noopener' }, text)
  const busy = pressed === id
  return element(
    'button',
    {
      className: busy ? `${look} busy` : look,
      testid,
      disabled: pressed !== undefined,
      ariaBusy: String(busy),
      onclick: () => press(card, id),
    },
    busy ? '处理中' : text,
  )
}

function drawFeedLine({ at, source, tone, text, aside }) {
  return element(
    'li',
    { className: tone },
    element('span', { className: 'dot' }),
    element('span', { className: 'what' }, text),
    element('span', { className: 'when' }, clock(at, true)),
    element('span', { className: 'aside' }, aside === '' ? source : `${source} · ${aside}`),
  )
}

function draw() {
  const current = currentConversation()
  const chosenId = current?.id
  document.title = `${state.people.find((one) => one.userId === viewer)?.name ?? ''} - 钉钉（模拟）`

  drawList(
    people,
    state.people.map((one) => ({ ...one, chosen: one.userId === viewer })),
    (one) => one.userId,
    drawPerson,
  )
  drawList(
    conversations,
    state.conversations.map((one, index) => ({ ...one, messages: undefined, index, chosen: one.id === chosenId })),
    (one) => one.id,
    drawConversation,
  )
  drawList(feed, state.feed.toReversed(), (line) => line.id, drawFeedLine)
  drawTalk(current)
  drawControls(current)
}

let drawnTalk = ''

function drawTalk(current) {
  byId('talk-title').textContent = current?.title ?? ''
  byId('talk-members').textContent =
    current?.kind === 'group' ? `${current.members.length} 人 · ${current.members.join('、')}` : '与机器人的单聊'
  byId('online').textContent = state.online ? '机器人在线' : '机器人离线'
  byId('online').classList.toggle('on', state.online)
  byId('uninstalled').hidden = current?.installed ?? true

  const talk = `${viewer} ${current?.id}`
  const changedTalk = talk !== drawnTalk
  const atBottom = messages.scrollHeight - messages.scrollTop - messages.clientHeight < NEAR_BOTTOM_PX
  if (changedTalk) messages.replaceChildren()
  drawnTalk = talk
  const shown = (current?.messages ?? []).map((message, index, all) => ({
    ...message,
    showTime: message.at - (all[index - 1]?.at ?? 0) > TIME_GAP_MS,
    pressed: pressing.get(`${viewer} ${message.card}`),
  }))
  if (shown.length === 0) {
    messages.replaceChildren(element('p', { className: 'empty' }, '还没有消息'))
    return
  }
  drawList(
    messages,
    shown,
    (message) => message.seq,
    drawMessage,
    (made, now, before) => {
      const content = ({ title, facts, html, tips, buttons }) => JSON.stringify([title, facts, html, tips, buttons])
      if (content(now) !== content(before)) changedAt.set(now.seq, performance.now())
      highlight(made.querySelector('.card'), changedAt.get(now.seq))
    },
  )
  if (changedTalk || atBottom) messages.scrollTop = messages.scrollHeight
}

/** When the card of a message last changed before somebody's eyes. */
const changedAt = new Map()

/** A card that is drawn anew while it is highlighted goes on from where it was. */
function highlight(card, since) {
  const elapsedMs = performance.now() - (since ?? Number.NEGATIVE_INFINITY)
  if (card === null || elapsedMs > HIGHLIGHT_MS) return
  card.classList.add('changed')
  card.style.animationDelay = `-${Math.round(elapsedMs)}ms`
}

/** The group acted on: the one that is open, else the first. */
function groupOf(current) {
  return current?.kind === 'group' ? current : state.conversations.find((one) => one.kind === 'group')
}

let titleShown

function drawControls(current) {
  const group = groupOf(current)
  if (titleShown !== group?.title) renameTitle.value = titleShown = group?.title ?? ''
  renameTitle.disabled = group === undefined
  byId('uninstall').disabled = group === undefined || !group.installed
  byId('install').disabled = group === undefined || group.installed
}

function currentConversation() {
  const wanted = opened.get(viewer)
  return state.conversations.find((one) => one.id === wanted) ?? state.conversations[0]
}

let toastTimer

function say(text) {
  toast.textContent = text
  toast.hidden = false
  clearTimeout(toastTimer)
  toastTimer = setTimeout(() => (toast.hidden = true), TOAST_MS)
}

// ── Asking and acting ──────────────────────────────────────────────────────────────────────────────────────────────

let asking
let askAgain = false

/** One question at a time; a change that comes in meanwhile asks once more. */
function refresh() {
  if (asking !== undefined) {
    askAgain = true
    return asking
  }
  asking = ask().finally(() => (asking = undefined))
  return asking
}

async function ask() {
  do {
    askAgain = false
    const wanted = viewer
    const answer = await fetchState(wanted)
    if (answer === undefined) return
    if (wanted === viewer) {
      state = answer
      viewer = answer.viewer
      draw()
      markRead()
    } else {
      askAgain = true
    }
  } while (askAgain)
}

/** Undefined when the server is away; the stream of changes says so and asks again when it is back. */
async function fetchState(wanted) {
  try {
    const response = await fetch(`/api/state?viewer=${encodeURIComponent(wanted)}`)
    return await response.json()
  } catch {
    return undefined
  }
}

/** Resolves with what came of the act; throws what the server said against it. */
async function act(name, body) {
  const response = await fetch(`/api/${name}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  })
  const answer = await response.json()
  if (!response.ok) throw new Error(answer.error)
  return answer.result
}

const REASONS = {
  'no connection': '机器人未连接',
  'no reply in time': '机器人未及时应答',
  'connection closed': '机器人连接已断开',
}

async function press(card, button) {
  const key = `${viewer} ${card}`
  if (pressing.has(key)) return
  pressing.set(key, button)
  draw()
  try {
    const result = await act('press', { viewer, card, button })
    if (result.outcome === 'failed') say(`请求失败：${REASONS[result.reason] ?? result.reason}`)
  } catch (error) {
    say(`请求失败：${error.message}`)
  }
  pressing.delete(key)
  await refresh()
}

async function control(button, name, body) {
  button.disabled = true
  try {
    await act(name, body)
  } catch (error) {
    say(`操作失败：${error.message}`)
  }
  button.disabled = false
  await refresh()
}

let lastRead = ''

function markRead() {
  const current = currentConversation()
  if (current === undefined || current.unread === 0 || document.visibilityState !== 'visible') return
  const mark = `${viewer} ${current.id} ${current.messages.at(-1)?.seq}`
  if (mark === lastRead) return
  lastRead = mark
  act('read', { viewer, conversation: current.id }).catch(() => (lastRead = ''))
}

function lookAs(userId) {
  viewer = userId
  history.replaceState(null, '', `?viewer=${encodeURIComponent(userId)}`)
  void refresh()
}

function open(conversationId) {
  opened.set(viewer, conversationId)
  draw()
  markRead()
}

byId('fire').addEventListener('click', (event) => void control(event.currentTarget, 'fire', {}))
byId('rename').addEventListener('submit', (event) => {
  event.preventDefault()
  const body = { viewer, group: groupOf(currentConversation())?.id, title: renameTitle.value.trim() }
  void control(event.submitter ?? event.currentTarget, 'rename', body)
})
for (const name of ['uninstall', 'install']) {
  byId(name).addEventListener('click', (event) => {
    void control(event.currentTarget, name, { viewer, group: groupOf(currentConversation())?.id })
  })
}
document.addEventListener('visibilitychange', () => state && markRead())

const changes = new EventSource('/api/changes')
changes.addEventListener('change', () => void refresh())
changes.addEventListener('open', () => {
  byId('offline').hidden = true
  void refresh()
})
changes.addEventListener('error', () => (byId('offline').hidden = false))
