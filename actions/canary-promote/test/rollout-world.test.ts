import type { ReleaseRecord, State } from '@sluice/release/record'
import type { ReplicaSet, Rollout, RolloutRead } from '@sluice/traffic/argo-rollouts'
import { hashOf, keptUntil, setOf, setRunning, standingOf } from '@sluice/traffic/argo-rollouts-status'
import { describe, expect, test } from 'vitest'
import { replicaSet, rollout, updating } from '../../../packages/traffic/test/argo-rollouts-objects.ts'
import type { PodTemplate } from '../src/objects.ts'
import { RELEASE, rolloutWorld } from '../src/rollout-world.ts'
import { canonical } from '../src/template.ts'

const NOW = Date.UTC(2030, 0, 1, 1)
const templateOf = (image: string) => canonical(rollout({ image }).spec.template as PodTemplate, 'web')
const record = (state: State = { phase: 'analysing', step: 0, since: 0 }): ReleaseRecord =>
  ({
    state,
    startedAt: 7,
    stable: templateOf('old'),
    canary: templateOf('new'),
    plan: {
      readyWithin: 60_000,
      steps: [
        { weight: 20, hold: 0 },
        { weight: 50, hold: 0 },
      ],
      metrics: { setup: { deployment: 'shop', container: 'web', rollout: { stable: 'aaa' } } },
    },
  }) as unknown as ReleaseRecord
const back: State = {
  ...{ phase: 'lowering', to: 'back', weight: 20, since: 0, verdict: 'rolled-back', restore: false },
  why: { code: 'errors', text: '', next: '' },
} as State

/** What the port makes of a read, without the pods. */
const seen = (read: RolloutRead, its = record()) => {
  const canary = setRunning(read, { container: 'web', image: 'new' })
  const standing = standingOf(read)
  const stable = setOf(read.sets, standing.stableHash)
  return rolloutWorld(its, {
    ...{ at: NOW, rollout: read.rollout, standing, stable, canary, canaryHash: hashOf(canary) },
    ...{ keptUntil: keptUntil(canary), pods: [] },
  })
}
const marked = (live: Rollout, value = '7'): Rollout => ({
  ...live,
  metadata: { ...live.metadata, annotations: { [RELEASE]: value } },
})
const inStatus = (set: ReplicaSet, status: ReplicaSet['status']): ReplicaSet => ({
  ...set,
  status: { ...set.status, ...status },
})

describe('without a traffic router', () => {
  test('the weight is the one of the step, and stable made smaller on purpose is whole', () => {
    expect(seen(updating())).toMatchObject({
      weight: { written: 20, accepted: true },
      stable: { desired: 4, available: 4, hash: record().stable.hash, rolledOut: false },
      canary: { desired: 1, ready: 1 },
    })
  })

  test('a stable that lacks pods it wants is short by them', () => {
    const { rollout: live, sets } = updating()
    const [stable, canary] = sets as readonly [ReplicaSet, ReplicaSet]
    const short = { rollout: live, sets: [inStatus(stable, { availableReplicas: 1 }), canary] }
    expect(seen(short).stable).toMatchObject({ desired: 4, available: 2 })
  })

  test('after an abort the pods that are still there go on answering', () => {
    const { rollout: live } = updating({ abort: true, phase: 'Degraded', currentStepIndex: 0 })
    const read = (pods: number) => ({
      rollout: live,
      sets: [replicaSet('aaa', 'old', 3), replicaSet('bbb', 'new', pods)],
    })
    expect(seen(read(1), record(back)).weight.written).toBe(25)
    expect(seen(read(0), record(back)).weight).toMatchObject({ written: 0, accepted: true })
  })
})

describe('on the way back', () => {
  const restored = (sets: readonly ReplicaSet[], hash = 'aaa') => ({
    rollout: marked(rollout({ status: { stableRS: 'aaa', currentPodHash: hash } })),
    sets,
  })

  test('a canary is wanted as long as its template stands in the Rollout, so that the previous one is put back', () => {
    const { rollout: live } = updating({ abort: true })
    const read = { rollout: live, sets: [replicaSet('aaa', 'old', 4), replicaSet('bbb', 'new', 0)] }
    expect(seen(read, record(back)).canary).toMatchObject({ desired: 1, ready: 0 })
  })

  test('its pods are waited for, but not longer than anything else is', () => {
    const kept = (at: string) => replicaSet('bbb', 'new', 1, { annotations: { 'scale-down-deadline': at } })
    const stable = replicaSet('aaa', 'old', 4)
    expect(seen(restored([stable, kept('2030-01-01T01:00:30Z')]), record(back)).canary).toMatchObject({ desired: 1 })
    expect(seen(restored([stable, kept('2030-01-01T03:00:00Z')]), record(back)).canary).toBeUndefined()
    expect(seen(restored([stable, replicaSet('bbb', 'new', 0)]), record(back)).canary).toBeUndefined()
  })

  test('from a promotion that was carried through, the previous template is what the Rollout is being updated to', () => {
    const read = {
      rollout: rollout({
        status: { stableRS: 'bbb', currentPodHash: 'aaa', currentStepIndex: 0, phase: 'Progressing' },
      }),
      sets: [replicaSet('aaa', 'old', 1), replicaSet('bbb', 'new', 4)],
    }
    const its = record({ ...back, restore: true } as State)
    expect(seen(read, its)).toMatchObject({
      stable: { hash: its.canary.hash, rolledOut: false },
      weight: { written: 80 },
      canary: { desired: 4, ready: 4 },
    })
  })
})

describe('what others did', () => {
  test('an abort is the canary’s failure while it is analysed', () => {
    const read = updating({
      abort: true,
      phase: 'Degraded',
      message: 'RolloutAborted: Rollout aborted update to revision 2',
    })
    expect(seen(read).canary?.failed).toMatchObject({
      code: 'rollout-aborted',
      text: expect.stringContaining('revision 2'),
    })
  })

  test('the previous template put back is one only when this release had written its own', () => {
    const read = (mark: string) => ({ rollout: marked(rollout(), mark), sets: [replicaSet('aaa', 'old', 4)] })
    expect(seen(read('7')).canary?.failed?.code).toBe('rollout-reverted')
    expect(seen(read('6')).canary).toBeUndefined()
  })

  test('another template is stable’s, without weight and without a canary', () => {
    const read = {
      rollout: rollout({ image: 'third', status: { currentPodHash: 'ccc' } }),
      sets: [replicaSet('aaa', 'old', 4)],
    }
    const world = seen(read)
    expect(world.stable.hash).toBe(templateOf('third').hash)
    expect(world).toMatchObject({ weight: { written: 0, accepted: true } })
    expect(world.canary).toBeUndefined()
  })

  test('a ReplicaSet of neither template that became stable is no end of this release', () => {
    const read = {
      rollout: rollout({ status: { stableRS: 'ccc', currentPodHash: 'ccc' } }),
      sets: [replicaSet('ccc', 'third', 4)],
    }
    expect(seen(read).stable.hash).toBe('of ReplicaSet ccc')
  })
})

test('promoted is a Rollout that is Healthy with the analysed template, and the weight before it the controller’s', () => {
  const promoting: State = { phase: 'promoting', since: 0, cancelled: false }
  const of = (phase: string) => ({
    rollout: rollout({ image: 'new', status: { stableRS: 'bbb', currentPodHash: 'bbb', phase } }),
    sets: [replicaSet('aaa', 'old', 1), replicaSet('bbb', 'new', 4)],
  })
  const its = record(promoting)
  expect(seen(of('Progressing'), its)).toMatchObject({
    stable: { hash: its.canary.hash, rolledOut: false },
    weight: { written: 50 },
    canary: { ready: 4 },
  })
  expect(seen(of('Healthy'), its).stable).toMatchObject({ rolledOut: true, available: 4 })
  expect(seen(of('Healthy'), record({ ...back, to: 'forward' } as State)).canary).toBeUndefined()
})
