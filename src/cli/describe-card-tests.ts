import { templateNameOf } from '../domain/card-template.ts'
import type { TestOutcome, TestResult } from '../domain/test-card.ts'
import { type CardTest, listCardTests } from '../storage/card-tests.ts'
import type { Store } from './context.ts'
import { formatTime } from './output.ts'

/** The last test card of one group or person. */
export type LastTest = {
  kind: 'group' | 'person'
  target: string
  name: string | null
  startedAt: number
  /** `under-way` until whoever made it says what came of it. */
  outcome: TestOutcome | 'under-way'
  reason: string | null
  template: string | null
  pressedBy: string | null
  door: string | null
  manner: string | null
  legs: { leg: string; atMs: number }[]
}

export async function readCardTests({ db, clock }: Store, integrationId: string): Promise<LastTest[]> {
  const nowMs = clock.nowMs()
  return (await listCardTests(db.read, integrationId)).map((test) => lastTest(test, nowMs))
}

function lastTest(test: CardTest, nowMs: number): LastTest {
  const result = test.result === null ? undefined : (JSON.parse(test.result) as TestResult)
  const isWaiting = test.ended_at === null && test.ends_at > nowMs
  return {
    kind: test.kind,
    target: test.target_id,
    name: test.target_name,
    startedAt: test.started_at,
    outcome: result?.outcome ?? (isWaiting ? 'under-way' : 'stopped'),
    reason: result?.reason ?? null,
    template: result?.templateId === undefined ? null : templateNameOf(result.templateId),
    pressedBy: test.pressed_by,
    door: test.door,
    manner: test.manner,
    legs: result?.legs ?? [],
  }
}

const OUTCOMES: Record<LastTest['outcome'], string> = {
  passed: '通过',
  'not-taken': '未送达：守护进程未取走任务',
  'not-delivered': '未送达',
  'not-pressed': '无人按下',
  unreadable: '收到点击但认不出按钮',
  'not-answered': '点击未应答',
  'not-repainted': '卡片未更新',
  stopped: '中断',
  'under-way': '进行中',
}

export function describeCardTests(tests: LastTest[]): string[] {
  if (tests.length === 0) return ['测试卡片            尚未测试（test-card --group ID）']
  return tests.map(({ name, target, startedAt, outcome, reason, template, door, manner }, index) => {
    const how = [reason, template, door, manner].filter(Boolean).join('，')
    const label = index === 0 ? '测试卡片            ' : '                    '
    return `${label}${name ?? target}：${OUTCOMES[outcome]}${how === '' ? '' : `（${how}）`} ${formatTime(startedAt)}`
  })
}
