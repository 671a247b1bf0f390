import { ALL_CASES, tellWhoMayDoWhat } from './tell-who-may-do-what.ts'

tellWhoMayDoWhat(ALL_CASES)
