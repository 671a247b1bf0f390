import { defineConfig } from 'vitest/config'

import { PROCESS_MS, TEST_MS } from './support/patience.ts'

const shared = {
  root: new URL('..', import.meta.url).pathname,
  // The files of one worker share what they import; a worker of its own for each file would read all of it again.
  isolate: false,
  // The same for all: in another order (`--sequence.shuffle`) all projects run together.
  maxWorkers: 2,
  testTimeout: TEST_MS,
  hookTimeout: TEST_MS,
  teardownTimeout: PROCESS_MS,
}
/** Stories that are told at length: `npm run test:long`. */
const LONG = ['test/**/*.long.test.ts']

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...shared,
          name: 'unit',
          include: ['src/**/*.test.ts', 'src/**/*.test.tsx', 'test/rules/**/*.test.ts'],
        },
      },
      {
        test: {
          ...shared,
          name: 'app',
          include: ['test/**/*.test.ts'],
          exclude: ['test/rules/**', ...LONG],
          globalSetup: ['test/support/global-setup.ts'],
        },
      },
      {
        test: {
          ...shared,
          name: 'long',
          include: LONG,
          globalSetup: ['test/support/global-setup.ts'],
        },
      },
    ],
  },
})
