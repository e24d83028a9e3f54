import type { Cluster } from '@sluice/kubernetes/cluster'
import { describe, expect, test } from 'vitest'
import {
  type CronJob,
  type Guard,
  guardBound,
  guardJob,
  guardName,
  guardOf,
  guardPatience,
  guardProblems,
  guardTrouble,
} from '../src/guard.ts'
import { guarded } from '../src/ports/guard.ts'
import type { Ports } from '../src/ports.ts'
import { run } from '../src/run.ts'
import { DIGEST } from './objects.ts'
import { asked, owner, plan, simulate } from './simulation.ts'

const IMAGE = `ghcr.io/acme/guard@${DIGEST('9')}`
const GUARD: Guard = { image: IMAGE, every: 60_000, after: 180_000, serviceAccount: 'sluice-guard' }
const given = {
  namespace: 'prod',
  deployment: 'shop',
  router: 'gateway-api',
  plan: { lease: 60_000, readyWithin: 600_000, drain: 30_000 },
  marks: { owner: owner('100'), epoch: 7 },
}
const never = new AbortController().signal

describe('a guard of the plan', () => {
  test('needs an image alone', () => {
    expect(guardOf({ image: IMAGE })).toEqual(GUARD)
    expect(guardOf(undefined)).toBeUndefined()
  })

  test.each([
    [{ every: 60_000 }, []],
    [{ every: 90_000 }, [/guard.every must be whole minutes .* not 90s/]],
    [{ every: 7 * 60_000 }, [/guard.every/]],
    [{ every: 60 * 60_000 }, [/guard.every/]],
    [{ after: 59_999 }, [/guard.after must be at least lease, 60s, not 59.999s/]],
  ])('%j: %j', (more, expected) => {
    const problems = guardProblems({ ...GUARD, ...more }, 60_000)
    expect(problems).toHaveLength(expected.length)
    for (const [index, message] of expected.entries()) expect(problems[index]).toMatch(message)
  })

  test('begins within its interval, its start and what it watches the Lease for', () => {
    expect(guardBound(GUARD, 60_000)).toBe(60_000 + 15_000 + 180_000)
    expect(guardBound(GUARD, 300_000)).toBe(60_000 + 15_000 + 300_000)
  })

  test('waits for others to resume until the deadline of the release, then for one lease alone', async () => {
    const sim = simulate()
    await run(asked({ plan: plan({ steps: [{ weight: 10, hold: 1000 }] }) }), sim.ports())
    const record = sim.record()
    if (record === undefined) throw new Error('no record')
    expect(guardPatience(record, GUARD, record.deadline - 1)).toBe(180_000)
    expect(guardPatience(record, GUARD, record.deadline)).toBe(record.plan.lease)
    expect(guardPatience(record, { ...GUARD, after: 1 }, record.startedAt)).toBe(record.plan.lease)
    expect(guardPatience(record, undefined, record.startedAt)).toBe(record.plan.lease)
  })
})

describe('its CronJob', () => {
  const job = guardJob(GUARD, given)
  const { jobTemplate } = job.spec as unknown as { jobTemplate: { spec: Record<string, unknown> } }
  const pod = jobTemplate.spec.template as { spec: Record<string, unknown> & { containers: Record<string, unknown>[] } }

  test('passes the Pod Security Standard restricted, and may write nowhere but in its own scratch', () => {
    expect(pod.spec).toMatchObject({
      securityContext: { runAsNonRoot: true, runAsUser: 65534, seccompProfile: { type: 'RuntimeDefault' } },
      volumes: [{ name: 'tmp', emptyDir: {} }],
    })
    expect(pod.spec.containers).toHaveLength(1)
    expect(pod.spec.containers[0]).toMatchObject({
      image: IMAGE,
      securityContext: {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      },
    })
    expect(JSON.stringify(job)).not.toMatch(/hostPath|hostNetwork|privileged|secret/i)
  })

  test('looks whatever became of the look before, is its own retry, ends in time and goes when it is done', () => {
    expect(job.spec).toMatchObject({ schedule: '* * * * *', concurrencyPolicy: 'Allow', suspend: false })
    expect(jobTemplate.spec).toMatchObject({ backoffLimit: 0, ttlSecondsAfterFinished: 300 })
    // What it watches, a minute to start, and the longest way back.
    expect(jobTemplate.spec.activeDeadlineSeconds).toBe(180 + 60 + 4 * 600 + 30)
    expect(guardJob({ ...GUARD, every: 300_000 }, given).spec.schedule).toBe('*/5 * * * *')
  })

  test('says what it is asked in its environment alone, and carries owner and epoch', () => {
    expect(pod.spec.containers[0]?.env).toEqual([
      { name: 'INPUT_MODE', value: 'guard' },
      { name: 'INPUT_NAMESPACE', value: 'prod' },
      { name: 'INPUT_DEPLOYMENT', value: 'shop' },
      { name: 'INPUT_ROUTER', value: 'gateway-api' },
      { name: 'RUNNER_TEMP', value: '/tmp' },
      { name: 'SLUICE_RUN_ID', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    ])
    expect(job.metadata.annotations).toEqual({ 'sluice.dev/owner': '100/1', 'sluice.dev/epoch': '7' })
  })

  test('has a name that leaves room for that of its Jobs, and none that another Deployment has', () => {
    expect(guardName('shop')).toBe('sluice-shop-guard')
    const [one, two] = ['x', 'y'].map((end) => guardName(`${'long-'.repeat(12)}${end}`))
    expect([one?.length, two?.length].every((length) => (length ?? 99) <= 52)).toBe(true)
    expect(one).not.toBe(two)
    expect(one).toMatch(/^sluice-long-.*-[0-9a-f]{8}-guard$/)
  })

  const seen = (spec: object, status: object): CronJob => ({ ...job, spec: { ...job.spec, ...spec }, status })
  test.each([
    ['one that was just made', seen({}, {}), 60_000, undefined],
    ['one that has looked', seen({}, { lastSuccessfulTime: '2030-01-01T00:01:00Z' }), 3_600_000, undefined],
    ['one that somebody suspended', seen({ suspend: true }, { lastSuccessfulTime: 'x' }), 0, /is suspended/],
    ['one that was never started', seen({}, {}), 300_000, /not looked once in 300 s: it was never started/],
    [
      'one that never ends',
      seen({}, { lastScheduleTime: 't' }),
      300_000,
      /started, last at t, and never came to its end/,
    ],
  ])('%s', (_, cronJob, age, expected) => {
    const trouble = guardTrouble(cronJob, GUARD, 1000, 1000 + age)
    if (expected === undefined) expect(trouble).toBeUndefined()
    else expect(trouble).toMatch(expected)
  })
})

describe('mode guard', () => {
  /** A release whose run is gone after `ms`, with a guard in its plan. */
  const left = async (ms: number) => {
    const sim = simulate()
    const gone = new Error('the runner died')
    let dead = false
    sim.after(ms, () => {
      dead = true
    })
    const ports = sim.ports()
    const sleep = async (pause: number): Promise<void> => {
      await ports.clock.sleep(pause)
      if (dead) throw gone
    }
    const release = asked({ plan: plan({ guard: { image: IMAGE, after: 20_000 } }) })
    await expect(run(release, { ...ports, clock: { ...ports.clock, sleep } })).rejects.toBe(gone)
    return sim
  }
  const look = asked({ mode: 'guard', owner: { ...owner('sluice-shop-guard-1'), job: 'guard' } })
  const watching = (ports: Ports) => {
    const asks: unknown[] = []
    const take: Ports['lease']['take'] = (who, what) => {
      asks.push(what)
      return ports.lease.take(who, what)
    }
    return { asks, ports: { ...ports, lease: { ...ports.lease, take } } }
  }

  test('leaves a release alone whose run is alive, and is green', async () => {
    const sim = await left(10_000)
    const before = sim.record()
    const end = await run(look, sim.ports(never))
    expect(end).toMatchObject({ ok: true, verdict: 'inconclusive', reason: { code: 'alive' } })
    expect(sim.record()).toBe(before)
    expect(sim.cluster.weight).toBe(10)
  })

  test('takes the canary of a dead run back once the Lease stood still for as long as the plan says', async () => {
    const sim = await left(10_000)
    sim.expire()
    const { asks, ports } = watching(sim.ports(never))
    expect(await run(look, ports)).toMatchObject({ ok: true, verdict: 'rolled-back', reason: { code: 'reaped' } })
    expect(asks).toEqual([{ epoch: 2, duration: 5000, force: false, still: 20_000 }])
    expect(sim.cluster).toMatchObject({ weight: 0, canary: undefined, service: false, marked: false })
    expect(sim.record()?.owner.job).toBe('guard')
  })

  test('carries a promotion that had begun on', async () => {
    const sim = await left(10_000)
    sim.expire()
    const promoting = sim.record()
    if (promoting === undefined) throw new Error('no record')
    sim.setRecord({ ...promoting, state: { phase: 'promoting', since: 0, cancelled: true } })
    expect(await run(look, sim.ports(never))).toMatchObject({ ok: true, verdict: 'promoted' })
    expect(sim.cluster).toMatchObject({ weight: 0, canary: undefined })
  })

  test.each([
    ['that was made anew a minute ago has its time to look', 60_000, { kind: 'done' }],
    ['that stands for an hour and never looked is none', 3_600_000, { kind: 'refused', cause: 'environment' }],
  ])('a guard %s', async (_, age, expected) => {
    const sim = await left(10_000)
    const saved = sim.record()
    if (saved === undefined) throw new Error('no record')
    const ref = { apiVersion: 'batch/v1', kind: 'CronJob', namespace: 'prod', name: 'sluice-shop-guard', uid: 'uid-g' }
    const touched = [...saved.touched, { ref, role: 'guard', created: true, before: [] } as const]
    const now = saved.startedAt + 3_600_000
    const metadata = { name: ref.name, uid: 'uid-g', creationTimestamp: new Date(now - age).toISOString() }
    const cluster = { get: async () => ({ ...ref, metadata, spec: { schedule: '* * * * *' } }) } as unknown as Cluster
    const given = { cluster, namespace: 'prod', deployment: 'shop', clock: { now: () => now } }
    const hands = guarded(sim.ports().cluster, given)
    expect(await hands.perform({ do: 'weight', to: 10 }, { ...saved, touched })).toMatchObject(expected)
  })

  test('finds nothing to do where no release is', async () => {
    expect(await run(look, simulate().ports(never))).toMatchObject({ ok: true, reason: { code: 'nothing-in-flight' } })
  })
})
