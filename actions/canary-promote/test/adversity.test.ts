import { Fault } from '@sluice/kit/faults'
import type { Command } from '@sluice/release/record'
import { describe, expect, test } from 'vitest'
import type { Performed, Ports } from '../src/ports.ts'
import { run } from '../src/run.ts'
import { asked, canaryTemplate, image, owner, plan, simulate } from './simulation.ts'

/** What fails around a release, and what it must not come to: traffic on a bad canary, a run that never ends, a reason that misleads. */
const healthy = { errors: { baseline: 0.002, canary: 0.002 } }
const bad = { errors: { baseline: 0.002, canary: 0.2 } }
const never = new AbortController().signal

const refusing = (ports: Ports, refuses: (command: Command) => boolean, cause: 'forbidden' | 'upstream'): Ports => {
  const perform: Ports['cluster']['perform'] = async (command, record): Promise<Performed> =>
    refuses(command)
      ? { kind: 'refused', cause, text: `Not allowed to ${command.do}` }
      : ports.cluster.perform(command, record)
  return { ...ports, cluster: { ...ports.cluster, perform } }
}
const saving = (ports: Ports, save: Ports['record']['save']): Ports => ({ ...ports, record: { ...ports.record, save } })

describe('a record', () => {
  test.each([1, 2, 3])('whose saves land while their answers are lost, one in %i, is still its own', async (each) => {
    const sim = simulate(healthy)
    const ports = sim.ports()
    let saves = 0
    const lossy = saving(ports, async (record, version) => {
      const result = await ports.record.save(record, version)
      saves += 1
      return saves % (each + 1) === 0 ? 'conflict' : result
    })
    expect(await run(asked(), lossy)).toMatchObject({ verdict: 'promoted' })
    expect(sim.cluster).toMatchObject({ weight: 0, marked: false, canary: undefined })
  })

  test('whose saves land while all their answers are lost for a while is still its own', async () => {
    const sim = simulate(healthy)
    const ports = sim.ports()
    const from = ports.clock.now() + 7000
    const lossy = saving(ports, async (record, version) => {
      const result = await ports.record.save(record, version)
      const now = ports.clock.now()
      if (now > from && now < from + 12_000) throw new Fault('upstream', 'the connection was reset')
      return result
    })
    expect(await run(asked(), lossy)).toMatchObject({ verdict: 'promoted' })
  })

  test.each([
    ['a good', healthy, 'promoted'],
    ['a bad', bad, 'rolled-back'],
  ] as const)(
    'that somebody deletes under %s canary is written again, and the release ends as it would',
    async (...row) => {
      const [, circumstances, verdict] = row
      const sim = simulate(circumstances)
      sim.after(3500, sim.forget)
      expect(await run(asked(), sim.ports())).toMatchObject({ verdict })
      expect(sim.record()?.state).toMatchObject({ phase: 'done', verdict })
      expect(sim.cluster).toMatchObject({ weight: 0, canary: undefined })
    },
  )

  test('that somebody damages under a canary ends the run, which leaves no traffic behind', async () => {
    const sim = simulate(healthy)
    const ports = sim.ports()
    const from = ports.clock.now() + 8000
    const save: Ports['record']['save'] = async (record, version) => {
      if (ports.clock.now() > from) throw new Fault('input', 'ConfigMap prod/sluice-shop is not a record of a release')
      return ports.record.save(record, version)
    }
    await expect(run(asked(), saving(ports, save))).rejects.toThrow('is not a record of a release')
    expect(sim.cluster.weight).toBe(0)
  })

  test('that may no longer be saved does not keep a rejected canary in traffic', async () => {
    const sim = simulate(healthy)
    const ports = sim.ports()
    const from = ports.clock.now() + 5000
    sim.after(10_000, () => sim.change(bad))
    const unsaved = saving(ports, async (record, version) => {
      if (ports.clock.now() > from) throw new Fault('upstream', 'Not allowed to update configmaps (403)')
      return ports.record.save(record, version)
    })
    const end = await run(asked(), unsaved)
    expect(end).toMatchObject({ verdict: 'error', reason: { code: 'unreachable' } })
    expect(sim.cluster.weight).toBe(0)
    expect(sim.lines.join('\n')).toMatch(/could not be saved; the weight was set to 0/)
  })
})

describe('a canary', () => {
  test('is watched on although the Lease cannot be renewed', async () => {
    const sim = simulate(bad)
    const ports = sim.ports()
    const renew = async () => {
      throw new Fault('upstream', 'Not allowed to update leases (403)')
    }
    const end = await run(asked({ plan: plan({ lease: 3000 }) }), { ...ports, lease: { ...ports.lease, renew } })
    expect(end).toMatchObject({ verdict: 'rolled-back', reason: { code: 'errors' } })
  })

  test('that nobody can watch any longer is left without traffic', async () => {
    const sim = simulate(healthy)
    const ports = sim.ports()
    const from = ports.clock.now() + 8000
    const observe: Ports['cluster']['observe'] = (record) => {
      if (ports.clock.now() > from) throw new Fault('upstream', 'Not allowed to list pods (403)')
      return ports.cluster.observe(record)
    }
    const end = await run(asked(), { ...ports, cluster: { ...ports.cluster, observe } })
    expect(end).toMatchObject({ verdict: 'error', reason: { code: 'unreachable' } })
    expect(sim.cluster.weight).toBe(0)
  })

  test.each([
    ['stable', 'promoted'],
    ['canary', 'inconclusive'],
  ] as const)('beside a %s pod that cannot be read for good is %s', async (side, verdict) => {
    const sim = simulate(healthy)
    const ports = sim.ports()
    const read: Ports['metrics']['read'] = async (record) => {
      const scrape = await ports.metrics.read(record)
      if (scrape.kind !== 'pods') return scrape
      return { ...scrape, missing: [side === 'canary' ? 'shop-canary-5d4f-2' : 'shop-7c9b-2'] }
    }
    const end = await run(asked(), { ...ports, metrics: { ...ports.metrics, read } })
    expect(end).toMatchObject({ verdict })
    if (side === 'canary') {
      expect(end.reason).toMatchObject({ code: 'unread-pods', text: expect.stringContaining('shop-canary-5d4f-2') })
    }
  })
})

describe('the way back', () => {
  test.each(['remove-created', 'restore-route', 'weight'] as const)(
    'on which %s is refused for good comes to an end that says so',
    async (what) => {
      const sim = simulate(bad)
      const back = (command: Command) => command.do === what && (command.do !== 'weight' || command.to === 0)
      const end = await run(asked(), refusing(sim.ports(), back, 'forbidden'))
      expect(end).toMatchObject({
        verdict: 'error',
        reason: { code: 'refused', text: expect.stringContaining(`Not allowed to ${what}`) },
      })
      expect(sim.lines.filter((line) => line.startsWith('refused'))).toHaveLength(1)
      expect(await run(asked({ mode: 'reap' }), sim.ports())).toMatchObject({ verdict: 'rolled-back' })
      expect(sim.cluster).toMatchObject({ weight: 0, marked: false, canary: undefined, service: false })
    },
  )

  test('lowers the weight although stable may not be scaled up again', async () => {
    const sim = simulate(healthy)
    sim.after(10_000, () => {
      sim.cluster.stable.replicas = 1
      sim.change(bad)
    })
    const end = await run(
      asked(),
      refusing(sim.ports(), ({ do: what }) => what === 'scale', 'upstream'),
    )
    expect(end).toMatchObject({ verdict: 'error' })
    expect(sim.cluster.weight).toBe(0)
  })
})

describe('a release that an earlier step of the same run left', () => {
  test('of another image is taken back before the one that was asked for is released', async () => {
    const sim = simulate(healthy)
    sim.after(8000, sim.cancel)
    await run(asked(), sim.ports())
    const other = { ...image, digest: `sha256:${'c'.repeat(64)}` as const }
    const end = await run(asked({ image: other }), sim.ports(never))
    expect(end).toMatchObject({ verdict: 'promoted', record: { canary: { image: other } } })
    expect(sim.cluster.stable.hash).not.toBe(canaryTemplate.hash)
    expect(sim.record()?.history.map(({ verdict }) => verdict)).toEqual(['rolled-back', 'promoted'])
  })
})

describe('an abort', () => {
  test('that races with the live run saving its evidence ends the release all the same', async () => {
    const sim = simulate(healthy)
    const running = sim.ports()
    let aborted: Promise<unknown> | undefined
    const abort = async (): Promise<unknown> => {
      const ports = sim.ports(never)
      let raced = false
      const racing = saving(ports, async (record, version) => {
        if (raced) return ports.record.save(record, version)
        raced = true
        const live = await ports.record.load()
        if (live !== undefined) await ports.record.save({ ...live.record, evidence: null }, live.version)
        return ports.record.save(record, version)
      })
      return run(asked({ mode: 'abort', owner: owner('102') }), racing)
    }
    const sleep = async (ms: number): Promise<void> => {
      if (sim.cluster.weight === 10 && aborted === undefined) {
        aborted = abort()
        await aborted
      }
      await running.clock.sleep(ms)
    }
    const end = await run(asked(), { ...running, clock: { ...running.clock, sleep } })
    expect(await aborted).toMatchObject({ verdict: 'rolled-back', reason: { code: 'aborted' }, ok: true })
    expect(end).toMatchObject({ verdict: 'error', reason: { code: 'taken-over' } })
    expect(sim.cluster).toMatchObject({ weight: 0, canary: undefined })
  })
})

describe('an abort that comes too late', () => {
  test('lets the promotion end, and is red: what should have gone is live', async () => {
    const sim = simulate(healthy)
    const running = sim.ports()
    let aborted: Promise<unknown> | undefined
    const sleep = async (ms: number): Promise<void> => {
      if (sim.record()?.state.phase === 'draining' && aborted === undefined) {
        aborted = run(asked({ mode: 'abort', owner: owner('102') }), sim.ports(never))
        await aborted
      }
      await running.clock.sleep(ms)
    }
    await run(asked(), { ...running, clock: { ...running.clock, sleep } })
    expect(await aborted).toMatchObject({ verdict: 'promoted', ok: false })
  })
})

describe('a run that is cancelled', () => {
  test('while a look hangs still writes weight 0', async () => {
    const sim = simulate(healthy)
    const ports = sim.ports()
    const hangs = ports.clock.now() + 8000
    const read: Ports['metrics']['read'] = (record) => {
      if (ports.clock.now() < hangs) return ports.metrics.read(record)
      setImmediate(sim.cancel)
      return new Promise(() => undefined)
    }
    const end = await run(asked(), { ...ports, metrics: { ...ports.metrics, read } })
    expect(end).toMatchObject({ verdict: 'error', reason: { code: 'cancelled' } })
    expect(sim.cluster.weight).toBe(0)
  })

  test('while the record cannot be saved still writes weight 0', async () => {
    const sim = simulate(healthy)
    const ports = sim.ports()
    let stopping = false
    sim.after(8000, () => {
      stopping = true
      sim.cancel()
    })
    const unsaved = saving(ports, async (record, version) => {
      if (stopping) throw new Fault('upstream', 'the API server failed (500)')
      return ports.record.save(record, version)
    })
    expect(await run(asked(), unsaved)).toMatchObject({ verdict: 'error', reason: { code: 'cancelled' } })
    expect(sim.cluster.weight).toBe(0)
  })

  test('while it waits for the Lease does not blame the run that holds it', async () => {
    const sim = simulate(healthy)
    const ports = sim.ports()
    const take = async () => {
      sim.cancel()
      return 'busy' as const
    }
    expect(await run(asked(), { ...ports, lease: { ...ports.lease, take } })).toMatchObject({
      reason: { code: 'cancelled' },
    })
  })
})

test('a release that came and went while this one waited for the Lease is where this one begins', async () => {
  const sim = simulate(healthy)
  const ports = sim.ports(never)
  const other = { ...image, digest: `sha256:${'c'.repeat(64)}` as const }
  let waited = false
  const take: Ports['lease']['take'] = async (...given) => {
    if (!waited) {
      waited = true
      sim.change(bad)
      await run(asked({ owner: owner('99'), image: other }), sim.ports(never))
      sim.change(healthy)
    }
    return ports.lease.take(...given)
  }
  const end = await run(asked(), { ...ports, lease: { ...ports.lease, take } })
  expect(end).toMatchObject({ verdict: 'promoted', record: { epoch: 2, canary: { image } } })
})
