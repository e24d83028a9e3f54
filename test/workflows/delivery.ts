import { execFileSync } from 'node:child_process'
import { accessSync, constants, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import type { StandIn } from '@sluice/runner/execution'
import type { Run } from '@sluice/runner/github'
import { createPlatform } from '@sluice/runner/platform/platform'
import type { RunTrace } from '@sluice/runner/trace'
import { OWNER } from '../../scripts/repository.ts'
import { ROOT } from './house.ts'
import {
  built,
  DIGEST,
  first,
  GREEN,
  outcomeOf,
  planned,
  released,
  scanned,
  staged,
  type Values,
  WELL,
  type World,
} from './world.ts'

/** What came of it: the outcome's words, the actions that were called as `job action`, and the run itself. */
export type Delivered = {
  readonly outcome: string
  readonly did: readonly string[]
  readonly trace: RunTrace
  readonly recorded: readonly string[]
  /** The inputs that hold a metric source's credential, by `job action`. */
  readonly credentials: Readonly<Record<string, Values>>
  /** The inputs of build-push-image, by platform, of the merge that writes no tags, and of what writes them. */
  readonly images: Readonly<Record<string, Values>>
}

/** The environments' secrets, each with a value that says whose it is. */
const secretsOf = (environment: string): Values =>
  Object.fromEntries(SECRETS.map((name) => [name, `${environment}'s ${name.toLowerCase()}`]))
const SECRETS = [
  ...['TOKEN', 'USERNAME', 'PASSWORD', 'HEADERS', 'CA'].map((name) => `PROMETHEUS_${name}`),
  ...['DATADOG_API_KEY', 'DATADOG_APPLICATION_KEY', 'CLOUDWATCH_ACCESS_KEY_ID', 'CLOUDWATCH_SECRET_ACCESS_KEY'],
  // Many repositories have a key of this name for something else.
  'AWS_ACCESS_KEY_ID',
]

/** A local GitHub with a caller of deliver.yml, for one delivery after the other: reading the workflows is most of the work. */
export type Deliveries = {
  readonly deliver: (world: World) => Promise<Delivered>
  /** Starts another workflow by hand, with the digest or without. */
  readonly byHand: (name: 'stage' | 'canary' | 'rollback' | 'reap', digest: string, world: World) => Promise<Delivered>
  readonly close: () => Promise<void>
}

/** Runs the published deliver.yml: the workflows are real and so is what delivery-outcome decides; the other actions only answer as the world has it. */
export const openDeliveries = async (): Promise<Deliveries> => {
  const folder = mkdtempSync(join(scratch(), 'sluice-deliveries-'))
  const repository = join(folder, 'repository')
  writeCaller(repository)
  let world = WELL
  let did: string[] = []
  let recorded: string[] = []
  let credentials: Record<string, Values> = {}
  let outcome = ''
  let kept = new Map<string, { readonly file: string; readonly text: string }>()
  let given: Readonly<Record<string, Values>> = {}
  let stop = (_: string): void => {}

  const answer =
    (name: string, act: Act, isRed: IsRed = ({ verdict }) => verdict !== 'pass'): StandIn =>
    async ({ inputs, job, cancelled }) => {
      const id = (job.split(' / ').at(-1) ?? job).replace(/ .*/, '')
      did.push(`${id} ${name}${inputs.mode ? ` ${inputs.mode}` : ''}`)
      const secret = Object.entries(inputs).filter(([key, value]) => value !== '' && CREDENTIAL.test(key))
      if (secret.length > 0) credentials[`${id} ${name}`] = Object.fromEntries(secret)
      if (LAST.get(id) === name && [world.dies, world.cancelled].some((each) => each === id)) {
        const stopped = new Promise((resolve) => cancelled.addEventListener('abort', resolve, { once: true }))
        stop(job)
        await stopped
        return { conclusion: 'failure', outputs: { verdict: 'error', 'reason-code': 'cancelled' } }
      }
      const outputs = act(inputs)
      return { conclusion: isRed(outputs, inputs.mode) ? 'failure' : 'success', outputs }
    }

  const platform = await createPlatform({
    repository: { name: 'example/shop', folder: repository, defaultBranch: 'main' },
    published: { [`${OWNER}/sluice`]: ROOT },
    actions: {},
    secrets: { ACCOUNT: 'account-4711' },
    environments: {
      'production-approval': { reviewers: ['someone'] },
      production: { secrets: secretsOf('production') },
      'production-recovery': { secrets: secretsOf('recovery') },
      staging: { secrets: secretsOf('staging') },
    },
    approve: async () => world.reviewer,
    env: { PATH: process.env.PATH ?? '' },
    noticedAfter: 1,
    directory: join(folder, 'machines'),
    standIns: {
      'actions/checkout': async () => ({ conclusion: 'success' }),
      'actions/upload-artifact': answer('upload', ({ name = '', path = '' }) => {
        if (name.startsWith('sluice-digest-'))
          kept.set(name, { file: basename(path), text: readFileSync(path, 'utf8') })
        return { verdict: 'pass' }
      }),
      // One that a pattern takes alone lies in the folder itself, as with the real one (actions/download-artifact#419).
      'actions/download-artifact': async ({ inputs: { pattern = '', path = '', 'merge-multiple': merges } }) => {
        const taken = [...kept].filter(([name]) => name.startsWith(pattern.replace('*', '')))
        for (const [name, { file, text }] of taken) {
          const folder = merges === 'true' || taken.length === 1 ? path : join(path, name)
          mkdirSync(folder, { recursive: true })
          writeFileSync(join(folder, file), text)
        }
        return { conclusion: 'success' }
      },
      // What the caller's own job has built, if it has.
      'example/image': async () => ({
        conclusion: 'success',
        outputs: { digest: world.digest === 'given' ? DIGEST : '' },
      }),
      'docker/setup-buildx-action': async () => ({ conclusion: 'success' }),
      'docker/login-action': async () => ({ conclusion: 'success' }),
      'actions/dependency-review-action': async () => ({ conclusion: 'success' }),
      'actions/attest': answer('attest', () => ({ verdict: world.attest })),
      '$/actions/build-push-image': answer('image', (inputs) => {
        const merges = inputs.push === 'by-digest' ? 'merge' : 'tags'
        given = { ...given, [inputs.merge ? merges : (inputs.platforms ?? '')]: inputs }
        return built(world, inputs)
      }),
      '$/actions/trivy-gate': answer('gate', (inputs) => scanned(world, inputs)),
      'github/codeql-action/upload-sarif': answer('alerts', () => ({ verdict: 'pass' })),
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
    credentials = {}
    outcome = ''
    kept = new Map()
    given = {}
    const started = start()
    if (started === undefined) throw new Error('nothing was started')
    stop = (job) => (world.dies === '' ? started.cancel() : started.kill(job))
    const trace = await started.done
    return { trace, outcome, did, recorded, credentials, images: given }
  }
  return {
    deliver: (next) =>
      run(next, () => (next.event === 'workflow_dispatch' ? platform.dispatch('deliver.yml') : platform.push()[0])),
    byHand: (name, digest, next) => run(next, () => platform.dispatch(`${name}.yml`, { digest })),
    close: async () => {
      await platform.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const CREDENTIAL = /^(prometheus|datadog|aws|cloudwatch)-|kubeconfig/

/** Machines are made of many small folders: where there is a file system in memory, hundreds of them take a fifth of the time. */
const scratch = (): string => {
  try {
    accessSync('/dev/shm', constants.W_OK)
    return '/dev/shm'
  } catch {
    return tmpdir()
  }
}

type Act = (inputs: Values) => Values
type IsRed = (outputs: Values, mode: string | undefined) => boolean

const isNoGate: IsRed = ({ verdict = '' }) => !['pass', 'nothing-to-check'].includes(verdict)

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
  image:
    runs-on: ubuntu-latest
    permissions: {}
    outputs: { digest: "\${{ steps.image.outputs.digest }}" }
    steps: [{ id: image, uses: example/image@v1 }]
  deliver:
    needs: image
    permissions:
      { actions: read, attestations: write, contents: read, deployments: write, id-token: write, packages: write, security-events: write }
    uses: ${OWNER}/sluice/.github/workflows/deliver.yml@v1
    with: { digest: "\${{ needs.image.outputs.digest }}" }
    secrets: inherit
`

/** The action in which a job is stopped. */
const LAST = new Map([
  ['checks', 'checks'],
  ['merge', 'image'],
  ['image', 'gate'],
  ['stage', 'smoke'],
  ['canary', 'canary'],
])
