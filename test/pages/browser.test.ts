import { tellPagesInBrowser } from './tell-pages-in-browser.ts'

tellPagesInBrowser('one')
