/**
 * The vendor's Markdown-with-buttons template, usable by any app (DingTalk's Python SDK, card_instance.py).
 * Variables: `title`, `markdown`, `tips`, and `sys_full_json_obj` holding `{"msgButtons": […]}`.
 */
export const PUBLIC_TEMPLATE_ID = '1366a1eb-bc54-4859-ac88-517c56a9acb1.schema'

/**
 * The vendor's AI card with Markdown and buttons, usable by any app (DingTalk's Python SDK, card_instance.py): for a
 * corporation in which the other public template does not render.
 */
export const AI_TEMPLATE_ID = '382e4302-551d-4880-bf29-a30acfab2e71.schema'

/** What people call the two. */
export const PUBLIC_TEMPLATE_NAME = 'public'
export const AI_TEMPLATE_NAME = 'ai-markdown'

/** The template that a person named, by its name or its id; empty = the public one. */
export function templateIdOf(named: string): string {
  if (named === PUBLIC_TEMPLATE_NAME) return ''
  return named === AI_TEMPLATE_NAME ? AI_TEMPLATE_ID : named
}

/** As people are told of it. */
export function templateNameOf(templateId: string): string {
  if (templateId === PUBLIC_TEMPLATE_ID) return PUBLIC_TEMPLATE_NAME
  return templateId === AI_TEMPLATE_ID ? AI_TEMPLATE_NAME : templateId
}
