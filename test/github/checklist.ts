import { FACTS } from './facts.ts'
import { type Look, lookAt } from './look.ts'

/** What only people can see or do, in the order it is done. */
const BY_HAND: readonly string[] = [
  'production-approval: give it a required reviewer. production: limit it to the default branch. production-recovery: no reviewer.',
  'Facts: run it; every job is green. Each name is a fact.',
  'Facts: run all its jobs again: the job for artifacts of an earlier attempt is green in the second attempt too.',
  'Deliver, without a digest: two legs, each on a runner of its platform; no tag is there before both have ended; "merge" tags an index of both platforms; the summary shows digests, sizes and cache.',
  'The same again, nothing changed: the legs and "merge" say skipped within a minute, its step that signs is skipped, and the release is superseded or the same.',
  'Deliver, in a pull request: nothing is built, pushed or signed, and "outcome" is green with nothing-to-check.',
  'Package with one platform: "merge" finds its digest. With attest and without the permission attestations: write in the caller the run does not start.',
  'Deliver, one leg cancelled by hand and failed jobs run again: the other leg does not run, "merge" takes its digest of the first attempt, and production serves an image of both.',
  'Deliver, its attestation deleted before (package, then gh api -X DELETE), the digest given: "verify" is red, "outcome" says scan-failed, nothing is deployed. With the attestation it is green, and "gh attestation verify oci://…" says so on a laptop.',
  'Scan: alerts of CodeQL stand in code scanning under the category facts-codeql-actions. With code scanning off in a private repository the job is red and says why.',
  'Scan, in a repository with scan: {} on a runner with Trivy: alerts stand under facts-source, facts-dependencies and facts-image; with a token that may not write alerts the upload is red in its step, and the verdict the same.',
  'A pull request that adds a dependency with a known vulnerability, scanned: the job "dependencies" is red, by GitHub’s own review.',
  'A registry other than ghcr.io with REGISTRY_USERNAME and REGISTRY_PASSWORD as secrets of the repository: pushed to, and scanned from; without them the message names the input. ECR with aws-role-registries: a role whose trust policy names this repository pushes, and is not asked for by any job of scan.',
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
