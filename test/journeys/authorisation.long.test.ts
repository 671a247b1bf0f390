import { ALL_CASES, tellWhoMayDoWhat } from '../support/who-may-do-what.ts'

tellWhoMayDoWhat(ALL_CASES)
