import { ALL_CASES, type Case, tellWhoMayDoWhat } from './tell-who-may-do-what.ts'

// One action by everybody, and every action by somebody who may, somebody who may not and somebody nobody knows.
const FEW = ['linked', 'unlinked', 'without the right']

/** To a page they are nobody. */
const isStranger = ({ action, who }: Case): boolean => action === 'reopen' && who === 'of another corporation'

tellWhoMayDoWhat(ALL_CASES.filter((one) => one.action === 'ack' || FEW.includes(one.who) || isStranger(one)))
