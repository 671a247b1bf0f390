/** What is taken in of outside bodies at most; docs/webhook.md and the README name the same numbers. */

/** Of one delivery's body, as it is posted or as a job carries it, in bytes of JSON. */
export const MAX_BODY_BYTES = 1024 * 1024
/** How much larger than on the wire a compressed body may be. */
export const MAX_INFLATION = 100
/** Levels of objects and lists; what lies deeper is left out. */
export const MAX_NESTING = 32
/** Of one list, and of one object. */
export const MAX_ENTRIES = 20_000
export const MAX_KEYS = 2_000

/** Groups and people of one delivery together; people come first. */
export const MAX_TARGETS = 500
/** People whom groups mention. */
export const MAX_PEOPLE = 500
export const MAX_RESPONDERS = 500
export const MAX_LABELS = 200
export const MAX_CUSTOM_ACTIONS = 5
export const MAX_SNOOZES = 3
export const MAX_IMAGES = 20
/** Words of a filter, such as severities. */
export const MAX_FILTER_WORDS = 50
/** Contents that are told apart under one event id, and bodies, which may differ in their targets alone. */
export const MAX_VARIANTS = 8
export const MAX_BODIES = 100

/** UTF-16 units. */
export const MAX_ID = 200
export const MAX_NAME = 200
export const MAX_TITLE = 2_000
export const MAX_TEXT = 50_000
/** Of one text on a page, whose Markdown takes its time to be read. */
export const MAX_PAGE_TEXT = 20_000
export const MAX_LABEL_NAME = 200
export const MAX_LABEL = 10_000
export const MAX_ADDRESS = 2_000

/** Parts that were left out which an answer names; the others are counted. */
export const MAX_NAMED_PARTS = 20

/** So large a body may grow however small it was on the wire. */
export const INFLATION_FLOOR_BYTES = 64 * 1024
/** Encodings one upon the other. */
export const MAX_ENCODINGS = 4
/** Pages that one person may open in a minute. */
export const MAX_VIEWS_PER_MINUTE = 120
/** Of a form of the pages. */
export const MAX_FORM_BYTES = 64 * 1024
/** Of what the login page sends. */
export const MAX_LOGIN_BYTES = 16 * 1024
