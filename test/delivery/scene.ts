import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import { stateOf } from '@sluice/runner/api/deployment-state'
import type { EnvironmentRules, Platform, PlatformOptions } from '@sluice/runner/github'
import { createPlatform } from '@sluice/runner/platform/platform'
import type { JobTrace, RunTrace } from '@sluice/runner/trace'
import type { Sandbox } from '@sluice/sandbox/sandbox'
import { imageOf, type Stage, stage } from '../../actions/canary-promote/test/stage.ts'
import { thirdParties } from '../../packages/cli/src/rehearsal/github.ts'
import { OWNER } from '../../scripts/repository.ts'

const ROOT = join(import.meta.dirname, '../..')

/** What of the usual delivery a scenario changes. */
export type Changes = {
  readonly checks?: readonly { readonly name: string; readonly run: string }[]
  readonly smoke?: readonly object[]
  readonly plan?: object
  readonly approval?: 'environment' | 'dispatch' | 'none'
  readonly secrets?: PlatformOptions['secrets']
  /** Instead of the cluster's administrator: what each environment's jobs log in with. */
  readonly kubeconfigs?: Readonly<Partial<Record<'staging' | 'production' | 'production-recovery', string>>>
  readonly approve?: PlatformOptions['approve']
}

/** A service in production with steady clients, and a repository whose pushes go through the published workflows. */
export type Scene = {
  readonly stage: Stage
  readonly platform: Platform
  /** Commits a release by its digest, pushes it, and gives the run of the caller's workflow. */
  readonly push: (digest: string) => ReturnType<Platform['push']>[number]
  /** The digest that runs in staging; empty when nothing was deployed there. */
  readonly inStaging: () => Promise<string>
  /** The digest that production's Deployment names. */
  readonly inProduction: () => Promise<string>
  /** The log of the run so far, for messages of failed assertions. */
  readonly log: () => string
  readonly end: () => Promise<void>
}

/** A plan whose hold is long enough to act in and short enough to wait for. */
export const PLAN = {
  steps: [{ weight: 40, hold: '2s' }],
  interval: '500ms',
  lease: '3s',
  drain: '1s',
  'max-hold': '10s',
  'ready-within': '10s',
  'min-canary': 1,
  'min-requests': 20,
  settle: '500ms',
  metrics: [{ name: 'errors', kind: 'ratio' }],
}

/** Sets a scene in a namespace of its own. */
export const setScene = async (sandbox: Sandbox, name: string, changes: Changes = {}): Promise<Scene> => {
  const staging = `${name}-staging`
  const folder = mkdtempSync(join(tmpdir(), 'sluice-delivery-'))
  const repository = join(folder, 'repository')
  const lines: string[] = []
  const production = await stage(sandbox, name)
  write(repository, {
    'sluice.yml': JSON.stringify(sluiceFile(name, staging, changes), null, 2),
    'staging/shop.yaml': manifests(staging),
    'production/shop.yaml': manifests(name),
    '.github/workflows/deliver.yml': CALLER,
    '.github/workflows/reap.yml': REAP,
    '.github/workflows/rollback.yml': ROLLBACK,
    digest: '',
  })
  const git = (...args: readonly string[]): void =>
    void execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], {
      cwd: repository,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
  git('init', '-q', '-b', 'main')
  git('add', '-A')
  git('commit', '-q', '-m', 'A service')
  const admin = (namespace: string): string => sandbox.kubeconfig({ namespace })
  const environment = (key: 'staging' | 'production' | 'production-recovery'): EnvironmentRules => ({
    secrets: { kubeconfig: changes.kubeconfigs?.[key] ?? admin(key === 'staging' ? staging : name) },
  })
  const platform = await createPlatform({
    repository: { name: 'example/shop', folder: repository, defaultBranch: 'main' },
    published: { [`${OWNER}/sluice`]: ROOT },
    actions: thirdParties(ROOT, folder),
    secrets: changes.secrets ?? {},
    environments: {
      staging: environment('staging'),
      production: environment('production'),
      'production-recovery': environment('production-recovery'),
      'production-approval': { reviewers: ['someone'] },
    },
    ...(changes.approve === undefined ? {} : { approve: changes.approve }),
    env: { PATH: process.env.PATH ?? '' },
    directory: join(folder, 'machines'),
    on: (happening) => {
      if (happening.kind === 'line') lines.push(`${happening.run} ${happening.job} | ${happening.text}`)
    },
  })
  const digestOf = async (namespace: string): Promise<string> => {
    const resource = { apiVersion: 'apps/v1', resource: 'deployments', namespace }
    const found = await production.cluster.get<Deployment>(resource, 'shop')
    return found?.spec.template.spec.containers[0]?.image.split('@')[1] ?? ''
  }
  return {
    stage: production,
    platform,
    push: (digest) => {
      write(repository, { digest })
      git('add', '-A')
      git('commit', '-q', '--allow-empty', '-m', `Release ${digest}`)
      const run = platform.push().find(({ file }) => file.endsWith('deliver.yml'))
      if (run === undefined) throw new Error('the push started no run of deliver.yml')
      return run
    },
    inStaging: () => digestOf(staging),
    inProduction: () => digestOf(name),
    log: () => lines.join('\n'),
    end: async () => {
      await platform.close()
      await production.end()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** The job of a run by the end of its path. @throws when the run has none */
export const job = (trace: RunTrace, end: string): JobTrace => {
  const found = trace.jobs.find(({ path }) => path === end || path.endsWith(` / ${end}`))
  if (found === undefined) throw new Error(`no job ${end} among ${trace.jobs.map(({ path }) => path).join(', ')}`)
  return found
}

/** What the last job says: its verdict and its reason's code. */
export const outcome = (trace: RunTrace): string => {
  const step = job(trace, 'outcome').steps.find(({ outputs }) => outputs.verdict !== undefined)
  return `${step?.outputs.verdict} ${step?.outputs['reason-code']}`
}

/** What GitHub's list of deployments shows of production: each digest with its state, the oldest first. */
export const recorded = ({ platform }: Scene): readonly string[] =>
  platform
    .deployments()
    .filter(({ environment }) => environment === 'production')
    .map((one) => `${(one.payload as { readonly digest?: string }).digest} ${stateOf(one)}`)

type Deployment = KubernetesObject & {
  readonly spec: { readonly template: { readonly spec: { readonly containers: readonly { image: string }[] } } }
}

const sluiceFile = (name: string, staging: string, changes: Changes): object => ({
  version: 1,
  services: {
    shop: {
      image: imageOf('old').split('@')[0],
      checks: changes.checks ?? [{ name: 'there', run: 'test -s digest' }],
      'smoke-deadline': changes.smoke === undefined ? '30s' : '1s',
      smoke: changes.smoke ?? [{ name: 'answers', path: '/', expect: { status: 200 } }],
      deploy: {
        staging: { namespace: staging, manifests: 'staging', timeout: '20s' },
        production: { namespace: name, manifests: 'production' },
      },
    },
  },
  environments: {
    staging: { role: 'staging' },
    production: { role: 'production', approval: changes.approval ?? 'none' },
  },
  plan: changes.plan ?? PLAN,
})

const CALLER = `name: Deliver
on: { push: { branches: [main] } }
permissions: {}
jobs:
  package:
    runs-on: ubuntu-latest
    timeout-minutes: 5
    permissions: { contents: read }
    outputs: { digest: "\${{ steps.digest.outputs.digest }}" }
    steps:
      - uses: actions/checkout@v7
        with: { persist-credentials: false }
      - id: digest
        run: echo "digest=$(cat digest)" >> "$GITHUB_OUTPUT"
  deliver:
    needs: package
    permissions: { contents: read, actions: read, attestations: write, deployments: write, id-token: write, packages: write, security-events: write }
    uses: ${OWNER}/sluice/.github/workflows/deliver.yml@v1
    with: { digest: "\${{ needs.package.outputs.digest }}" }
    secrets: inherit
`

const REAP = `name: Reap
on: { workflow_dispatch: {} }
permissions: {}
jobs:
  reap:
    permissions: { contents: read, actions: read, deployments: write, id-token: write }
    uses: ${OWNER}/sluice/.github/workflows/reap.yml@v1
    secrets: inherit
`

const ROLLBACK = `name: Rollback
on: { workflow_dispatch: { inputs: { digest: { default: "" } } } }
permissions: {}
jobs:
  rollback:
    permissions: { contents: read, deployments: write, id-token: write }
    uses: ${OWNER}/sluice/.github/workflows/rollback.yml@v1
    with: { digest: "\${{ inputs.digest }}" }
    secrets: inherit
`

const manifests = (namespace: string): string => `
apiVersion: v1
kind: Namespace
metadata: { name: ${namespace} }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: shop, namespace: ${namespace} }
spec:
  replicas: 1
  progressDeadlineSeconds: 10
  selector: { matchLabels: { app: shop } }
  template:
    metadata: { labels: { app: shop } }
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: shop
          image: \${IMAGE}
          ports: [{ name: http, containerPort: 8080 }]
          readinessProbe: { httpGet: { path: /ready, port: 8080 }, periodSeconds: 1, failureThreshold: 1 }
---
apiVersion: v1
kind: Service
metadata: { name: shop, namespace: ${namespace} }
spec:
  selector: { app: shop }
  ports: [{ name: http, port: 80, targetPort: http }]
`

const write = (folder: string, files: Readonly<Record<string, string>>): void => {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
}
