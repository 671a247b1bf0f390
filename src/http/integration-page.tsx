import { Page } from './page.tsx'

export type IntegrationStatus = {
  name: string
  enabled: boolean
  /** How events come, in words, and when one last did. */
  events: string
  /** In words, e.g. 已连接. */
  stream: string
}

/** What a callback address shows to a browser: whose it is and how it is doing. */
export function IntegrationPage({ what, status }: { what: string; status: IntegrationStatus }) {
  return (
    <Page title={`${status.name} · ${what}`}>
      <h1>{status.name}</h1>
      <dl>
        <dt>地址</dt>
        <dd>{what}</dd>
        <dt>集成状态</dt>
        <dd>{status.enabled ? '已启用' : '已停用'}</dd>
        <dt>事件接收方式</dt>
        <dd>{status.events}</dd>
        <dt>Stream 连接</dt>
        <dd>{status.stream}</dd>
      </dl>
      <p>此地址属于 Flashduty 钉钉集成。由钉钉调用；此页面仅显示集成状态。</p>
    </Page>
  )
}

export function NotFoundPage() {
  return (
    <Page title="未找到">
      <h1>未找到该集成</h1>
      <p>请核对钉钉开发者后台中填写的地址；管理员可用 integration show 命令查看正确的地址。</p>
    </Page>
  )
}
