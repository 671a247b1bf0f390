import { fence, isLiteral } from '../../domain/literal.ts'
import { beginningOf } from '../../domain/text.ts'
import { tipsOf } from './facts.ts'
import type { DrawnFor } from './template.ts'
import { drawMarkdown, drawMsgButtons, drawTitle } from './vendor-parts.ts'

/** Units, where a value has to be short: it stands behind the body. */
const MAX_REDUCED_LINE = 60

/** 3 = finished. Until then the card is one that is still being written, and has no buttons. */
const FINISHED = '3'

/** Nothing else of it is shown, whatever the template would have. */
const ORDER = ['msgTitle', 'staticMsgContent', 'msgButtons']

/**
 * Pure: the values for the vendor's AI card (`domain/card-template.ts`), as a finished one. It has no line below the body,
 * which stands at the end of the body instead. Every drawing says that it is finished: one that did not would be shown as
 * written anew.
 */
export const drawAiCard: DrawnFor = (face, { detail, tips, lead }) => {
  const { markdown, truncated } = drawMarkdown(face, detail)
  const whole = (tips ?? tipsOf(face)).trim()
  const said = face.reduced ? beginningOf(whole, MAX_REDUCED_LINE) : whole
  return {
    truncated,
    markdownIn: 'staticMsgContent',
    variables: (revision) => ({
      flowStatus: FINISHED,
      msgTitle: drawTitle(face),
      staticMsgContent: [markdown, ...(said === '' ? [] : [lastLine(said)])].join('\n\n'),
      sys_full_json_obj: JSON.stringify({ order: ORDER, msgButtons: drawMsgButtons(face, revision, lead) }),
    }),
  }
}

/** Mere text inside Markdown. The tag before it keeps it from beginning a list or a heading. */
function lastLine(said: string): string {
  return isLiteral(said) ? `<font colorTokenV2=common_gray1_color>${said}</font>` : fence(said)
}
