import { tellLogin } from './tell-login.ts'

tellLogin('one')
