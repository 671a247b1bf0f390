import { tellOutages } from './tell-outages.ts'

tellOutages('all')
