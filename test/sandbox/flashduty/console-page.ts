import type { Store } from './store.ts'

const PROGRESS = { Triggered: '待处理', Processing: '处理中', Closed: '已关闭' }

/** What `detail_url` and `silence_url` open: just enough of a console to see where a link led. */
export function consolePage(store: Store, path: string): string | undefined {
  const [, kind, , id = ''] = path.split('/')
  if (kind === 'channel') {
    const channel = store.channels.get(Number(id))
    return channel && page('静默策略', [['协作空间', channel.channel_name]])
  }
  const incident = kind === 'incident' ? store.find(id) : undefined
  if (incident === undefined) return undefined
  return page(`#${incident.num} ${incident.title}`, [
    ['处理进度', PROGRESS[incident.progress]],
    ['严重程度', incident.incident_severity],
    ['协作空间', incident.channel_name],
    ['处理人', incident.responders.map((one) => one.person_name).join('、')],
    ['触发时间', new Date(incident.start_time * 1000).toLocaleString('zh-CN', { timeZone: 'Asia/Shanghai' })],
  ])
}

function page(title: string, rows: [name: string, value: string][]): string {
  const facts = rows.map(([name, value]) => `<dt>${name}</dt><dd>${escape(value)}</dd>`).join('')
  return `<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>${escape(title)}</title>
<style>body{font:15px/1.7 system-ui,sans-serif;max-width:640px;margin:48px auto;padding:0 24px;color:#1f2329}
dl{display:grid;grid-template-columns:90px 1fr}dt{color:#8f959e}dd{margin:0}small{color:#8f959e}</style>
<small>Flashduty 控制台（模拟）</small><h2>${escape(title)}</h2><dl>${facts}</dl></html>`
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`)
}
