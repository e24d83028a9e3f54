import { readSluiceFile } from '@sluice/delivery/file'
import { planFor } from '@sluice/delivery/plan'
import { readNeeds, readPlan } from '../../actions/delivery-outcome/src/needs.ts'
import { decide } from '../../actions/delivery-outcome/src/verdict.ts'

/** What a delivery meets. An action that is not named does well. */
export type World = {
  readonly event: 'push' | 'workflow_dispatch' | 'pull_request' | 'merge_group'
  readonly staging: boolean
  readonly production: 'absent' | 'unasked' | 'environment' | 'dispatch'
  /** Production's, where it is not the default one. */
  readonly router: '' | 'argo-rollouts'
  readonly reviewer: 'approved' | 'rejected'
  /** `dropped`: the plan holds a secret's value. */
  readonly plan: 'pass' | 'fail' | 'error' | 'dropped'
  readonly checks: 'pass' | 'fail' | 'nothing-to-check' | 'error'
  /** Whether the caller brings the digest, or package.yml builds it. */
  readonly digest: 'given' | 'built'
  /** The platforms that are built. */
  readonly platforms: readonly string[]
  /** What one leg of the build says, the other being good. */
  readonly build: 'pass' | 'fail' | 'error'
  readonly merge: 'pass' | 'fail' | 'error'
  /** `off`: sluice.yml asks for no attestation. `skipped`: the image was there before. */
  readonly attest: 'off' | 'pass' | 'error' | 'skipped'
  /** `off`: sluice.yml names none; else what the scan of the image says, the others being good. */
  readonly scan: 'off' | 'pass' | 'fail' | 'inconclusive' | 'error'
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
  readonly dies: '' | 'checks' | 'merge' | 'image' | 'stage' | 'canary'
  /** A person cancels the run while the last action of this job works; the action stops and says so. */
  readonly cancelled: '' | 'checks' | 'merge' | 'image' | 'stage' | 'canary'
}

/** A delivery where everything is there and does well. */
export const WELL: World = {
  event: 'push',
  staging: true,
  production: 'unasked',
  router: '',
  reviewer: 'approved',
  plan: 'pass',
  checks: 'pass',
  digest: 'given',
  platforms: ['linux/amd64', 'linux/arm64'],
  build: 'pass',
  merge: 'pass',
  attest: 'off',
  scan: 'off',
  login: 'pass',
  deploy: 'pass',
  smoke: 'pass',
  first: 'exists',
  canary: 'promoted',
  recover: ['rolled-back', 'nothing-in-flight', false],
  abort: ['rolled-back', 'aborted'],
  dies: '',
  cancelled: '',
}

/** The digest that is delivered. */
export const DIGEST = `sha256:${'a'.repeat(64)}`
const OTHER = `sha256:${'b'.repeat(64)}`

/** Inputs or outputs of an action, as GitHub hands them over. */
export type Values = Readonly<Record<string, string>>

/** The ends that each mode of canary-promote asks for. */
export const GREEN: Readonly<Record<string, readonly string[]>> = {
  run: ['promoted'],
  abort: ['rolled-back', 'superseded'],
  reap: ['promoted', 'rolled-back', 'superseded'],
}

/** What delivery-plan puts out: the real plan of a sluice.yml that fits the world. */
export const planned = (world: World): Values => {
  const verdict = world.plan === 'dropped' ? 'pass' : world.plan
  const plan = verdict === 'pass' ? planOf(world) : ''
  return { verdict, 'reason-code': verdict, service: 'shop', plan, release: 'release.json' }
}
/** What build-push-image puts out: one leg, or the merge of all, whose tags are written unless it is asked for by digest only. */
export const built = (world: World, { merge = '', platforms = '', push = '' }: Values): Values => {
  const verdict = merge !== '' ? world.merge : platforms === 'linux/arm64' ? world.build : 'pass'
  const code = { pass: 'pushed', fail: merge === '' ? 'build-failed' : 'tag-conflict', error: 'registry' }[verdict]
  return {
    verdict,
    'reason-code': code,
    digest: verdict === 'pass' ? (merge === '' ? legOf(platforms) : DIGEST) : '',
    tags: push === 'by-digest' ? '' : `${IMAGE}:main`,
    skipped: String(world.attest === 'skipped'),
  }
}
/** The digest of a platform's leg. */
export const legOf = (platform: string): string => `sha256:${(platform === 'linux/arm64' ? 'c' : 'd').repeat(64)}`
/** What trivy-gate puts out: of an image of two platforms one is good. */
export const scanned = ({ scan }: World, { image = '', platform = '' }: Values): Values => ({
  verdict: image === '' || platform === 'linux/amd64' || scan === 'off' ? 'pass' : scan,
  'reason-code': 'scanned',
  sarif: 'found.sarif',
})
/** What deploy puts out in staging. */
export const staged = ({ deploy }: World): Values => ({ verdict: deploy, 'reason-code': 'deployed' })
/** What `deploy existing: skip` puts out in production. */
export const first = (world: World): Values => ({
  verdict: world.first.startsWith('rollout') ? 'fail' : 'pass',
  'reason-code': world.first,
  image: `${IMAGE}@${DIGEST}`,
})
/** What canary-promote puts out, in any mode. */
export const released = ([verdict, code, ours]: World['recover']): Values => ({
  verdict,
  'reason-code': code,
  reason: 'as measured',
  image: `${IMAGE}@${ours ? DIGEST : OTHER}`,
  report: 'canary.json',
  page: 'canary.html',
})

/** What delivery-outcome puts out: its own decision. */
export const outcomeOf = ({ needs = '', plan = '', digest }: Values): Values => {
  const read = readNeeds(needs)
  const given = plan === '' ? undefined : readPlan(plan)
  if ('problem' in read) throw new Error(read.problem)
  if (given !== undefined && 'problem' in given) throw new Error(given.problem)
  const decided = decide({
    needs: read.value,
    plan: given?.value,
    digest: digest === '' ? undefined : (digest as `sha256:${string}`),
  })
  return { verdict: decided.verdict, 'reason-code': decided.reason.code }
}

const IMAGE = 'registry.test/shop'
const planOf = ({ event, staging, production, plan, router, digest, platforms, attest, scan }: World): string => {
  const target = { namespace: 'shop', manifests: 'k8s' }
  // A Rollout is there already.
  const released = router === '' ? target : { namespace: 'shop', router }
  const approval = production === 'unasked' ? 'none' : production
  const file = {
    version: 1,
    services: {
      shop: {
        image: plan === 'dropped' ? `account-4711/shop` : IMAGE,
        ...(digest === 'built' ? { package: { platforms, attest: attest !== 'off' } } : {}),
        ...(scan === 'off' ? {} : { scan: {} }),
        deploy: {
          ...(staging ? { staging: target } : {}),
          ...(production === 'absent' ? {} : { production: released }),
        },
      },
    },
    environments: {
      staging: { role: 'staging' },
      production: { role: 'production', ...(production === 'absent' ? {} : { approval }) },
    },
  }
  return JSON.stringify(planFor(readSluiceFile(JSON.stringify(file), 'sluice.yml'), { service: '', event }))
}
