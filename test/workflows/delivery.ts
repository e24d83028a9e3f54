import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readSluiceFile } from '@sluice/delivery/file'
import { planFor } from '@sluice/delivery/plan'
import type { StandIn } from '@sluice/runner/execution'
import type { Run } from '@sluice/runner/github'
import { createPlatform } from '@sluice/runner/platform/platform'
import type { RunTrace } from '@sluice/runner/trace'
import { readNeeds, readPlan } from '../../actions/delivery-outcome/src/needs.ts'
import { decide } from '../../actions/delivery-outcome/src/verdict.ts'
import { OWNER } from '../../scripts/repository.ts'
import { ROOT } from './house.ts'

/** What a delivery meets. An action that is not named does well. */
export type World = {
  readonly event: 'push' | 'workflow_dispatch'
  readonly staging: boolean
  readonly production: 'absent' | 'unasked' | 'environment' | 'dispatch'
  readonly reviewer: 'approved' | 'rejected'
  /** `dropped`: the plan holds a secret's value. */
  readonly plan: 'pass' | 'fail' | 'error' | 'dropped'
  readonly checks: 'pass' | 'fail' | 'nothing-to-check' | 'error'
  readonly login: 'pass' | 'error'
  readonly deploy: 'pass' | 'fail' | 'error'
  readonly smoke: 'pass' | 'fail' | 'inconclusive' | 'error'
  /** What production's `deploy existing: skip` finds. */
  readonly first: 'exists' | 'deployed' | 'rollout-failed-rolled-back' | 'rollout-failed-kept'
  readonly canary: 'promoted' | 'rolled-back' | 'superseded' | 'inconclusive' | 'error'
  /** What the reap beside a canary that did not succeed says, and of which digest. */
  readonly recover: readonly [verdict: string, code: string, ours: boolean]
  /** What an abort says. */
  readonly abort: readonly [verdict: string, code: string]
  /** The machine of this job dies while its last action works. */
  readonly dies: '' | 'checks' | 'stage' | 'canary'
}

/** What came of it: the outcome's words, the actions that were called as `job action`, and the run itself. */
export type Delivered = {
  readonly outcome: string
  readonly did: readonly string[]
  readonly trace: RunTrace
  readonly recorded: readonly string[]
}

/** A delivery where everything is there and does well. */
export const WELL: World = {
  event: 'push',
  staging: true,
  production: 'unasked',
  reviewer: 'approved',
  plan: 'pass',
  checks: 'pass',
  login: 'pass',
  deploy: 'pass',
  smoke: 'pass',
  first: 'exists',
  canary: 'promoted',
  recover: ['rolled-back', 'nothing-in-flight', false],
  abort: ['rolled-back', 'aborted'],
  dies: '',
}

/** The digest that is delivered. */
export const DIGEST = `sha256:${'a'.repeat(64)}`
const OTHER = `sha256:${'b'.repeat(64)}`

/** A local GitHub with a caller of deliver.yml, for one delivery after the other: reading the workflows is most of the work. */
export type Deliveries = {
  readonly deliver: (world: World) => Promise<Delivered>
  /** Starts another workflow by hand, with the digest or without. */
  readonly byHand: (name: 'stage' | 'canary' | 'rollback' | 'reap', digest: string, world: World) => Promise<Delivered>
  readonly close: () => Promise<void>
}

/** Runs the published deliver.yml: the workflows are real and so is what delivery-outcome decides; the other actions only answer as the world has it. */
export const openDeliveries = async (): Promise<Deliveries> => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-deliveries-'))
  const repository = join(folder, 'repository')
  writeCaller(repository)
  let world = WELL
  let did: string[] = []
  let recorded: string[] = []
  let outcome = ''
  let dying = (): void => {}

  const answer =
    (name: string, act: Act, isRed: IsRed = ({ verdict }) => verdict !== 'pass'): StandIn =>
    async ({ inputs, job, cancelled }) => {
      const id = job.split(' / ').at(-1) ?? job
      did.push(`${id} ${name}${inputs.mode ? ` ${inputs.mode}` : ''}`)
      if (world.dies === id && LAST[id] === name) {
        dying()
        await new Promise((resolve) => cancelled.addEventListener('abort', resolve, { once: true }))
      }
      const outputs = act(inputs)
      return { conclusion: isRed(outputs, inputs.mode) ? 'failure' : 'success', outputs }
    }

  const platform = await createPlatform({
    repository: { name: 'example/shop', folder: repository, defaultBranch: 'main' },
    published: { [`${OWNER}/sluice`]: ROOT },
    actions: {},
    secrets: { ACCOUNT: 'account-4711' },
    environments: { 'production-approval': { reviewers: ['someone'] } },
    approve: async () => world.reviewer,
    env: { PATH: process.env.PATH ?? '' },
    noticedAfter: 1,
    directory: join(folder, 'machines'),
    standIns: {
      'actions/checkout': async () => ({ conclusion: 'success' }),
      'actions/upload-artifact': answer('upload', () => ({ verdict: 'pass' })),
      '$/actions/delivery-plan': answer('plan', () => planned(world)),
      '$/actions/run-checks': answer('checks', () => ({ verdict: world.checks }), isNoGate),
      '$/actions/cluster-login': answer('login', () => ({ verdict: world.login })),
      '$/actions/record-deployment': answer('record', ({ state, verdict, environment }) => {
        recorded.push(`${environment} ${state || verdict}`)
        return { verdict: 'pass', 'deployment-id': '7' }
      }),
      '$/actions/deploy': answer('deploy', ({ existing }) => (existing === 'skip' ? first(world) : staged(world))),
      '$/actions/smoke-test': answer('smoke', () => ({ verdict: world.smoke, 'reason-code': 'passed' })),
      '$/actions/canary-promote': answer(
        'canary',
        ({ mode }) => {
          if (mode === 'abort') return released([...world.abort, false])
          return released(mode === 'reap' ? world.recover : [world.canary, 'passed', world.canary === 'promoted'])
        },
        ({ verdict = '', 'reason-code': code }, mode = 'run') =>
          code !== 'nothing-in-flight' && !GREEN[mode]?.includes(verdict),
      ),
      '$/actions/delivery-outcome': answer(
        'outcome',
        (inputs) => {
          const decided = outcomeOf(inputs)
          outcome = `${decided.verdict} ${decided['reason-code']}`
          return decided
        },
        ({ verdict }) => verdict === 'fail',
      ),
    },
  })
  const run = async (next: World, start: () => Run | undefined): Promise<Delivered> => {
    world = next
    did = []
    recorded = []
    outcome = ''
    const started = start()
    if (started === undefined) throw new Error('nothing was started')
    dying = () => started.kill(`${world.dies} / ${world.dies}`)
    return { trace: await started.done, outcome, did, recorded }
  }
  return {
    deliver: (next) => run(next, () => (next.event === 'push' ? platform.push()[0] : platform.dispatch('deliver.yml'))),
    byHand: (name, digest, next) => run(next, () => platform.dispatch(`${name}.yml`, { digest })),
    close: async () => {
      await platform.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

type Inputs = Readonly<Record<string, string>>
type Act = (inputs: Inputs) => Inputs
type IsRed = (outputs: Inputs, mode: string | undefined) => boolean

/** The ends that each mode of canary-promote asks for. */
const GREEN: Readonly<Record<string, readonly string[]>> = {
  run: ['promoted'],
  abort: ['rolled-back', 'superseded'],
  reap: ['promoted', 'rolled-back', 'superseded'],
}

const isNoGate: IsRed = ({ verdict = '' }) => !['pass', 'nothing-to-check'].includes(verdict)

const planned = (world: World): Inputs => {
  const verdict = world.plan === 'dropped' ? 'pass' : world.plan
  return { verdict, 'reason-code': verdict, service: 'shop', plan: verdict === 'pass' ? planOf(world) : '' }
}
const staged = ({ deploy }: World): Inputs => ({ verdict: deploy, 'reason-code': 'deployed' })
const first = (world: World): Inputs => ({
  verdict: world.first.startsWith('rollout') ? 'fail' : 'pass',
  'reason-code': world.first,
  image: `${IMAGE}@${DIGEST}`,
})
const released = ([verdict, code, ours]: World['recover']): Inputs => ({
  verdict,
  'reason-code': code,
  reason: 'as measured',
  image: `${IMAGE}@${ours ? DIGEST : OTHER}`,
})

const outcomeOf = ({ needs = '', plan = '', digest }: Inputs): { verdict: string; 'reason-code': string } => {
  const read = readNeeds(needs)
  const given = plan === '' ? undefined : readPlan(plan)
  if ('problem' in read) throw new Error(read.problem)
  if (given !== undefined && 'problem' in given) throw new Error(given.problem)
  const decided = decide({ needs: read.value, plan: given?.value, digest: digest as `sha256:${string}` })
  return { verdict: decided.verdict, 'reason-code': decided.reason.code }
}

const writeCaller = (folder: string): void => {
  mkdirSync(join(folder, '.github/workflows'), { recursive: true })
  writeFileSync(join(folder, '.github/workflows/deliver.yml'), CALLER)
  for (const name of ['stage', 'canary', 'rollback', 'reap'])
    writeFileSync(join(folder, `.github/workflows/${name}.yml`), byHand(name))
  const git = (...args: readonly string[]): unknown =>
    execFileSync('git', ['-C', folder, '-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args])
  git('init', '-q', '-b', 'main')
  git('add', '-A')
  git('commit', '-q', '-m', 'A caller')
}

const byHand = (name: string): string => `name: ${name}
on: { workflow_dispatch: { inputs: { digest: { default: "" } } } }
permissions: {}
jobs:
  ${name}:
    permissions: { contents: read, actions: read, deployments: write, id-token: write }
    uses: ${OWNER}/sluice/.github/workflows/${name}.yml@v1
    with: { ${name === 'reap' ? '' : `digest: "\${{ inputs.digest }}"`} }
    secrets: inherit
`

const CALLER = `name: Deliver
on: { push: {}, workflow_dispatch: {} }
permissions: {}
jobs:
  deliver:
    permissions: { contents: read, actions: read, deployments: write, id-token: write }
    uses: ${OWNER}/sluice/.github/workflows/deliver.yml@v1
    with: { digest: "${DIGEST}" }
    secrets: inherit
`

const IMAGE = 'registry.test/shop'
const LAST: Readonly<Record<World['dies'], string>> = {
  '': '',
  checks: 'checks',
  stage: 'smoke',
  canary: 'canary',
}

const planOf = ({ event, staging, production, plan }: World): string => {
  const target = { namespace: 'shop', manifests: 'k8s' }
  const approval = production === 'unasked' ? 'none' : production
  const file = {
    version: 1,
    services: {
      shop: {
        image: plan === 'dropped' ? `account-4711/shop` : IMAGE,
        deploy: { ...(staging ? { staging: target } : {}), ...(production === 'absent' ? {} : { production: target }) },
      },
    },
    environments: {
      staging: { role: 'staging' },
      production: { role: 'production', ...(production === 'absent' ? {} : { approval }) },
    },
  }
  return JSON.stringify(planFor(readSluiceFile(JSON.stringify(file), 'sluice.yml'), { service: '', event }))
}
