import type { Code } from './reason.ts'

/** What to do about each reason. */
export const nextFor = (code: Code): string => NEXT[code]

const NEXT: Readonly<Record<Code, string>> = {
  delivered: 'Nothing to do.',
  'first-release': 'Nothing to do. The next release will be compared with this one.',
  'no-production': 'Nothing to do.',
  'awaiting-dispatch': 'To release this digest, start the workflow by hand (workflow_dispatch).',
  'not-wanted': 'Nothing to do.',
  'plan-error':
    'See the summary of the job plan: it names every problem with its line. Mend sluice.yml and push again.',
  'checks-failed': 'See the last lines of each in the summary of the job checks. Mend them and push again.',
  'checks-error': 'Look at the job checks; if its machine died, run the failed jobs again.',
  'package-failed':
    'See the annotations and the summary of the job package: the line of the Dockerfile that failed, or the tag that names something else. Mend it and push again.',
  'package-error':
    'Look at the job package: the builder, the login or the registry failed, not the build. Run the failed jobs again.',
  'scan-failed':
    'See the summary of the job scan: what was found, and which version mends it. Mend it, or except it with a reason, and push again.',
  'scan-inconclusive':
    'See the summary of the job scan: part of what it looked at was not understood. Nothing was deployed.',
  'scan-error': 'Look at the job scan: the scanner, its database or its machine failed. Run the failed jobs again.',
  'stage-failed':
    'See the summary of the job stage: why the rollout hung, or which answer was wrong. Mend it and push again.',
  'stage-error':
    'Look at the job stage: the login, the cluster or its machine failed, not the release. Run the failed jobs again.',
  'not-approved': 'If it is to be released after all, run the failed jobs again and approve.',
  'rolled-back':
    'Production serves the previous release. See the summary of the job canary for what was measured, mend it and push again.',
  superseded: 'Nothing, if the newer one is meant; else see the summary of the job canary for what it is.',
  inconclusive:
    'Production serves the previous release. Give the plan longer holds, or release when there is more traffic.',
  'canary-error':
    'See the summary of the job canary. If it says that a release is left unfinished, run the reap workflow.',
  'canary-lost':
    'See what serves: run canary-promote with mode status, and the reap workflow if it says that a release is unfinished.',
  cancelled:
    'To deliver it, run the failed jobs again. If the canary had begun, see in the summary of the job canary or recover what was done.',
  skipped: 'Run the workflow again. If it is skipped again, compare your copy of deliver.yml with the published one.',
  'output-dropped':
    'Take the secret out of what is passed on: make what is no secret (account number, region, registry) a variable (vars) instead, or name the thing differently.',
  'job-failed':
    'See the last step of that job: something after its verdict failed, or its machine died and the verdict is that of an earlier attempt.',
  contradiction:
    'Look at the jobs themselves before anything else: what they say cannot all be true. Compare your copy of deliver.yml with the published one.',
}
