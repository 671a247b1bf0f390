import { tipsOf } from './facts.ts'
import { reducedText } from './reduced.ts'
import type { DrawnFor } from './template.ts'
import { drawMarkdown, drawMsgButtons, drawTitle } from './vendor-parts.ts'

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
