import { tellSlowNetwork } from './tell-slow-network.ts'

tellSlowNetwork('one')
