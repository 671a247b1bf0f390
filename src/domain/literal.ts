import { OWN_ADDRESS } from './text.ts'

/*
 * Texts that are no Markdown, in a variable that is. DingTalk documents no escape, so a text with signs in it is shown
 * as it is only inside a fence (page "markdown-variable-new").
 */

/**
 * What a reader of Markdown could make something of in the middle of a line: documented signs, and those that other
 * readers know. One underscore means nothing to anybody.
 */
const SIGNS = /[*`[\]<\\~]|_[^_]*_|&(?:#|\w{1,32};|n?v?lt|gt|amp|quot)|\b(?:dtmd|dingtalk)[\w-]{0,40}:/i

/** Whether any reader of Markdown shows it as it is behind other words of the same line. */
export function isLiteral(text: string): boolean {
  return !SIGNS.test(text)
}

/** A block in which everything is shown as it is, but for what would end it: three backticks become wide ones. */
export function fence(text: string, language = ''): string {
  return `\`\`\`${language}\n${wideBackticks(text)}\n\`\`\``
}

/** Nothing but a fence of ours begins or ends with three of them. */
export function wideBackticks(text: string): string {
  return text.replaceAll(/`{3,}/g, (run) => '｀'.repeat(run.length))
}

/** Those that stand for something beside other words; an underscore inside of a word is no sign. */
const WIDE = /[*`[\]<\\~]|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])|&(?=#|\w{1,32};|n?v?lt|gt|amp|quot)/giu

/**
 * As it may stand between the brackets of a link or the tags of a mention, where no fence can be: on one line, its signs wide
 * ones.
 */
export function between(text: string): string {
  return text.replaceAll(WIDE, (sign) => String.fromCharCode(sign.charCodeAt(0) + 0xfee0)).replaceAll(OWN_ADDRESS, '：')
}
