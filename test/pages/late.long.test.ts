import { tellLateResults } from './tell-late-results.ts'

tellLateResults('all')
