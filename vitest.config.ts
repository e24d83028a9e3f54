import { defineConfig } from 'vitest/config'

/** One configuration for all tests. Two workers: the machines this must be quick on have two cores. */
export default defineConfig({
  test: {
    include: [
      'packages/*/test/**/*.test.ts',
      'actions/*/test/**/*.test.ts',
      'examples/*/test/**/*.test.ts',
      'test/**/*.test.ts',
    ],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
})
