import { tellLateResults } from './tell-late-results.ts'

tellLateResults('some')
