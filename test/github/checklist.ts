import { FACTS } from './facts.ts'
import { type Look, lookAt } from './look.ts'

/** What only people can see or do, in the order it is done. */
const BY_HAND: readonly string[] = [
  'production-approval: give it a required reviewer. production: limit it to the default branch. production-recovery: no reviewer.',
  'Facts: run it; every job is green. Each name is a fact.',
  'Deliver, approved: the run waits at "approve" and not before; the summaries show diagram, table and plot; every line of a log that could hold the kubeconfig is masked.',
  'Deliver, refused: nothing is released; "outcome" is red and says not-approved.',
  'Deliver, cancelled while the canary has traffic: the canary step ends within 5 s, its post step within 2 min, "recover" starts and is green, the pods serve the old version.',
  'Deliver, the self-hosted runner of "canary" killed with SIGKILL: GitHub notices (about 10 min), "recover" runs, the Deployment is not in progress.',
  'Deliver, started three times while the first is on hold: the second and the third wait in order, and none is cancelled (queue: max).',
  'Rollback with a digest, after a promotion: the environment shows the new Deployment as active, and the one of the bad release as inactive.',
  'Deliver, a bad release: "outcome" says rolled-back and what was measured, not canary-lost: a called workflow that failed, and one that was cancelled, hand on what they put out.',
  'Re-run failed jobs of that run, the release being good now (a fault that was switched off): "outcome" says delivered, and nothing of the first attempt.',
  'Re-run the job "approve" alone and refuse: "canary" is skipped, though the first attempt said pass.',
  'An environment with a custom rule (a GitHub App): the job "plan" is red and says custom-rule. With unenforced-approval: warn GitHub fails the job that names it.',
  'A caller in another organisation, with a kubeconfig and secrets: inherit: the login stops the job, naming the environment. With kubeconfig by name and a secret of the repository: does it reach "stage", which deliver.yml calls with inherit? Write down which.',
  'Rename a scope away from the caller (deployments: read): the run stops at its start, and says which permission is missing.',
  'A release by aws, gcp and azure login each: the trust policy names repository and environment, and the session is enough for the canary.',
  'On GitHub Enterprise Server, or a runner older than 2.336: `$/` is refused, and the message is understood.',
]

/** Prints what GitHub's REST API shows of a caller repository, then what a person has to look at. @returns how many facts do not hold */
const checklist = async (repository: string, token: string, url: string): Promise<number> => {
  const seen = await Promise.all(FACTS.map((fact) => lookAt(fact, { repository, token, url })))
  for (const { fact, kind, text } of seen) console.log(`${SIGN[kind]} ${fact}: ${text}`)
  console.log('\nBy hand:')
  for (const [index, line] of BY_HAND.entries()) console.log(`${index + 1}. [ ] ${line}`)
  return seen.filter(({ kind }) => kind === 'no').length
}

const SIGN: Readonly<Record<Look['kind'], string>> = { yes: 'ok  ', no: 'NO  ', unknown: '?   ' }

const [repository = ''] = process.argv.slice(2)
const { GITHUB_TOKEN: token = '', GITHUB_API_URL: url = 'https://api.github.com' } = process.env
if (!/^[\w.-]+\/[\w.-]+$/.test(repository) || token === '') {
  console.error('usage: GITHUB_TOKEN=… node test/github/checklist.ts OWNER/REPOSITORY')
  process.exitCode = 2
} else if ((await checklist(repository, token, url)) > 0) process.exitCode = 1
