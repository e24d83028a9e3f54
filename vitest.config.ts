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
    // Of tests that run side by side within a file: drills on a real cluster, each with its own pods.
    maxConcurrency: 3,
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
})
