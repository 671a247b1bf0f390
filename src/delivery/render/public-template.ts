import { tipsOf } from './facts.ts'
import { reducedText } from './reduced.ts'
import type { DrawnFor } from './template.ts'
import { drawMarkdown, drawMsgButtons, drawTitle } from './vendor-parts.ts'

/**
 * The vendor's Markdown-with-buttons template, usable by any app (DingTalk's Python SDK, card_instance.py).
 * Variables: `title`, `markdown`, `tips`, and `sys_full_json_obj` holding `{"msgButtons": […]}`.
 */
export const PUBLIC_TEMPLATE_ID = '1366a1eb-bc54-4859-ac88-517c56a9acb1.schema'

/** Pure: the values of the template's variables. Title and the line below are mere text. */
export const drawPublicCard: DrawnFor = (face, { detail, tips, lead }) => {
  const { markdown, truncated } = drawMarkdown(face, detail)
  return {
    truncated,
    markdownIn: 'markdown',
    variables: (revision) => ({
      title: drawTitle(face),
      markdown,
      tips: face.reduced ? reducedText(tips ?? tipsOf(face)) : (tips ?? tipsOf(face)),
      sys_full_json_obj: JSON.stringify({ msgButtons: drawMsgButtons(face, revision, lead) }),
    }),
  }
}
