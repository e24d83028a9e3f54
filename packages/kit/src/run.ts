import type { Run } from './report.ts'

/** The version that reports carry; equal to the root package.json's, which a test holds. */
export const VERSION = '0.1.0'

/**
 * Who runs, from the runner's environment (GITHUB_REPOSITORY, GITHUB_RUN_ID, GITHUB_RUN_ATTEMPT, GITHUB_JOB).
 * Outside GitHub `SLUICE_RUN_ID` names the run; without it the process does, so that two runs on a laptop are never taken for one.
 */
export const currentRun = (env: Readonly<Record<string, string | undefined>>, pid: number): Run => ({
  repository: env.GITHUB_REPOSITORY || 'local',
  runId: env.GITHUB_RUN_ID || env.SLUICE_RUN_ID || `local-${pid}`,
  attempt: Number(env.GITHUB_RUN_ATTEMPT) || 1,
  job: env.GITHUB_JOB || 'local',
})

/** The tool's own version and the commit it was called at, where the runner says it (`uses: …@<sha>`). */
export const tool = (
  env: Readonly<Record<string, string | undefined>>,
): { readonly version: string; readonly commit: string } => ({
  version: VERSION,
  commit: env.GITHUB_ACTION_REF ?? '',
})
