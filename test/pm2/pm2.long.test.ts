import { tellPm2 } from './tell-pm2.ts'

tellPm2('all')
