import { Fault } from '@sluice/kit/faults'
import { describe, expect, test } from 'vitest'
import { run } from '../src/run.ts'
import { summarize } from '../src/summary.ts'
import { withImage } from '../src/template.ts'
import { deployment, podTemplate } from './objects.ts'
import { asked, canaryTemplate, image, owner, plan, reported, simulate } from './simulation.ts'

const healthy = { errors: { baseline: 0.002, canary: 0.002 } }
const bad = { errors: { baseline: 0.002, canary: 0.2 } }
const never = new AbortController().signal

describe('a release', () => {
  test('that is as good as its baseline is promoted, and nothing of it is left', async () => {
    const sim = simulate(healthy)
    const end = await run(asked(), sim.ports())
    expect(end).toMatchObject({ verdict: 'promoted', ok: true })
    expect(sim.cluster).toMatchObject({ weight: 0, marked: false, service: false, canary: undefined })
    expect(sim.cluster.stable.hash).toBe(canaryTemplate.hash)
    expect(sim.commands.filter((command) => command.startsWith('weight'))).toEqual([
      'weight 10',
      'weight 50',
      'weight 25',
      'weight 0',
    ])
  })

  test('that fails one request in five goes back within seconds, and stable was never touched', async () => {
    const sim = simulate(bad)
    const end = await run(asked(), sim.ports())
    expect(end).toMatchObject({ verdict: 'rolled-back', reason: { code: 'errors' }, ok: false })
    expect(sim.cluster).toMatchObject({ weight: 0, marked: false, canary: undefined })
    expect(sim.commands).not.toContain('write-stable')
    expect(sim.counts.canary.total).toBeLessThan(200)
  })

  test('whose pods never become ready gets no request', async () => {
    const sim = simulate({ ready: false })
    expect(await run(asked(), sim.ports())).toMatchObject({ verdict: 'rolled-back', reason: { code: 'not-ready' } })
    expect(sim.counts.canary.total).toBe(0)
    expect(sim.commands).not.toContain('weight 10')
  })

  test('that takes requests and counts none goes back', async () => {
    const sim = simulate({ ...healthy, canaryServes: false })
    expect(await run(asked(), sim.ports())).toMatchObject({ verdict: 'rolled-back', reason: { code: 'no-requests' } })
  })

  test('in an outage that hits both sides holds, and goes on when it is over', async () => {
    const sim = simulate(healthy)
    sim.after(10_000, () => sim.change({ errors: { baseline: 0.5, canary: 0.5 } }))
    sim.after(30_000, () => sim.change(healthy))
    const end = await run(asked(), sim.ports())
    expect(end).toMatchObject({ verdict: 'promoted' })
    expect(sim.lines.join('\n')).toMatch(/holding at weight/)
  })

  test('with too few requests to judge ends inconclusive and back', async () => {
    const sim = simulate(healthy)
    const end = await run(asked({ plan: plan({ 'min-requests': 1_000_000 }) }), sim.ports())
    expect(end).toMatchObject({ verdict: 'inconclusive', reason: { code: 'too-few-requests' }, ok: false })
    expect(sim.cluster).toMatchObject({ weight: 0, canary: undefined })
  })

  test('of what runs already has nothing to do', async () => {
    const sim = simulate()
    const running = { ...image, digest: `sha256:${'a'.repeat(64)}` as const }
    const end = await run(asked({ image: running }), sim.ports())
    expect(end).toMatchObject({ verdict: 'promoted', reason: { code: 'already-running' }, ok: true })
    expect(sim.record()).toBeUndefined()
  })

  test('of an image that the Deployment names but never came to run is refused, not taken for done', async () => {
    const sim = simulate(healthy)
    const ports = sim.ports()
    const stuck = { observedGeneration: 3, replicas: 4, updatedReplicas: 1, readyReplicas: 3, availableReplicas: 3 }
    const survey = async () => ({
      ...(await ports.cluster.survey()),
      deployment: { ...deployment({ template: withImage(podTemplate(), 'web', image) }), status: stuck },
    })
    const refused = run(asked(), { ...ports, cluster: { ...ports.cluster, survey } })
    await expect(refused).rejects.toThrow(/in the middle of a roll-out: 1 of 3 pods/)
    expect(sim.record()).toBeUndefined()
  })

  test('of a Deployment that was just written waits until its controller has taken it', async () => {
    const sim = simulate(healthy)
    const ports = sim.ports()
    const from = ports.clock.now()
    const survey = async () => {
      const seen = await ports.cluster.survey()
      const { metadata, ...rest } = deployment()
      const taken = ports.clock.now() >= from + 2500
      return {
        ...seen,
        deployment: taken ? { ...rest, metadata } : { ...rest, metadata: { ...metadata, generation: 4 } },
      }
    }
    expect(await run(asked(), { ...ports, cluster: { ...ports.cluster, survey } })).toMatchObject({
      verdict: 'promoted',
    })
  })

  test('of one that its controller does not take is refused before long', async () => {
    const sim = simulate(healthy)
    const ports = sim.ports()
    const from = ports.clock.now()
    const survey = async () => {
      const live = deployment()
      const metadata = { ...live.metadata, generation: 4 }
      return { ...(await ports.cluster.survey()), deployment: { ...live, metadata } }
    }
    const refused = run(asked(), { ...ports, cluster: { ...ports.cluster, survey } })
    await expect(refused).rejects.toThrow(/its controller has not taken generation 4 .*\(observed: 3\)/)
    expect(ports.clock.now() - from).toBeLessThanOrEqual(10_000)
  })

  test('is saved before each act: the record names what is created before it is there', async () => {
    const sim = simulate(healthy)
    const ports = sim.ports()
    const missing: string[] = []
    const perform = ports.cluster.perform
    await run(asked(), {
      ...ports,
      cluster: {
        ...ports.cluster,
        perform: (command, record) => {
          if (JSON.stringify(sim.record()?.state) !== JSON.stringify(record.state)) missing.push(command.do)
          return perform(command, record)
        },
      },
    })
    expect(missing).toEqual([])
  })

  test('says where it is at least every 30 s', async () => {
    const sim = simulate(healthy)
    const ports = sim.ports()
    const times: number[] = []
    await run(asked({ plan: plan({ steps: [{ weight: 10, hold: 300_000 }] }) }), {
      ...ports,
      say: () => times.push(ports.clock.now()),
    })
    const gaps = times.slice(1).map((at, index) => at - (times[index] ?? 0))
    expect(Math.max(...gaps)).toBeLessThanOrEqual(30_000)
  })
})

describe('what others do meanwhile', () => {
  test('a new template of stable ends the release as superseded and is left alone', async () => {
    const sim = simulate(healthy)
    sim.after(8000, () => {
      sim.cluster.stable.hash = 'somebody-else'
    })
    expect(await run(asked(), sim.ports())).toMatchObject({ verdict: 'superseded', ok: false })
    expect(sim.cluster).toMatchObject({ weight: 0, canary: undefined, stable: { hash: 'somebody-else' } })
  })

  test('the previous template put back while stable is promoted stands, and who did it is named', async () => {
    const sim = simulate(healthy)
    const ports = sim.ports()
    const previous = sim.cluster.stable.hash
    const perform: typeof ports.cluster.perform = async (command, record) => {
      const done = await ports.cluster.perform(command, record)
      if (command.do === 'write-stable') sim.cluster.stable.hash = previous
      return done
    }
    const end = await run(asked(), { ...ports, cluster: { ...ports.cluster, perform } })
    expect(end).toMatchObject({
      verdict: 'superseded',
      reason: { code: 'superseded', text: expect.stringContaining('somebody else (kubectl) put') },
    })
    expect(sim.commands.filter((command) => command === 'write-stable')).toHaveLength(1)
    expect(sim.cluster).toMatchObject({ weight: 0, canary: undefined, stable: { hash: previous } })
  })

  test('a stable that somebody deleted leaves the canary what it serves, and the end says so', async () => {
    const sim = simulate(healthy)
    const ports = sim.ports()
    sim.after(8000, () => {
      sim.cluster.stable = { hash: '', replicas: 0 }
    })
    const perform: typeof ports.cluster.perform = async (command, record) =>
      command.do === 'scale' && command.role === 'stable'
        ? { kind: 'refused', cause: 'upstream', text: 'deployments shop is not there' }
        : ports.cluster.perform(command, record)
    const end = await run(asked(), { ...ports, cluster: { ...ports.cluster, perform } })
    expect(end).toMatchObject({
      verdict: 'error',
      reason: { code: 'refused', text: expect.stringContaining('the canary, which is all that answers, keeps its') },
    })
    expect(sim.cluster).toMatchObject({ weight: 10, canary: { replicas: 2 } })
    sim.cluster.stable = { hash: sim.record()?.stable.hash ?? '', replicas: 3 }
    expect(await run(asked({ mode: 'reap' }), sim.ports(never))).toMatchObject({ verdict: 'superseded' })
    expect(sim.cluster).toMatchObject({ weight: 0, canary: undefined })
  })

  test('a right that is missing ends the release as an error, with nothing left', async () => {
    const sim = simulate(healthy)
    const ports = sim.ports()
    const stamp = async () => ({ kind: 'refused', cause: 'forbidden', text: 'Not allowed to patch' }) as const
    const end = await run(asked(), { ...ports, cluster: { ...ports.cluster, stamp } })
    expect(end).toMatchObject({ verdict: 'error', reason: { text: expect.stringContaining('Not allowed to patch') } })
    expect(sim.record()?.state.phase).toBe('done')
    expect(sim.cluster).toMatchObject({ weight: 0, canary: undefined, service: false })
  })

  test('an API server that fails for a while is asked again', async () => {
    const sim = simulate(healthy)
    const ports = sim.ports()
    const until = ports.clock.now() + 15_000
    const observe: typeof ports.cluster.observe = (record) => {
      const now = ports.clock.now()
      if (now > until - 5000 && now < until) throw new Fault('upstream', 'the API server failed (500)')
      return ports.cluster.observe(record)
    }
    expect(await run(asked(), { ...ports, cluster: { ...ports.cluster, observe } })).toMatchObject({
      verdict: 'promoted',
    })
    expect(sim.lines.filter((line) => line.includes('could not be read'))).toHaveLength(1)
  })

  test('one that stays away ends the run, which says how to go on', async () => {
    const sim = simulate(healthy)
    const ports = sim.ports()
    const from = ports.clock.now() + 8000
    const observe: typeof ports.cluster.observe = (record) => {
      if (ports.clock.now() > from) throw new Fault('upstream', 'the API server failed (500)')
      return ports.cluster.observe(record)
    }
    const end = await run(asked(), { ...ports, cluster: { ...ports.cluster, observe } })
    expect(end).toMatchObject({
      verdict: 'error',
      reason: { code: 'unreachable', next: expect.stringMatching(/reap/) },
    })
  })
})

describe('a run that is cancelled', () => {
  test('while it compares writes weight 0 once and stops; its post step clears up', async () => {
    const sim = simulate(healthy)
    sim.after(8000, sim.cancel)
    const end = await run(asked(), sim.ports())
    expect(end).toMatchObject({ verdict: 'error', reason: { code: 'cancelled' }, ok: false })
    expect(sim.cluster).toMatchObject({ weight: 0, canary: { replicas: 2 } })
    expect(sim.commands.slice(-1)).toEqual(['weight 0'])
    expect(sim.lines).toContain("cancelled: the canary's traffic goes back to stable")

    const post = await run(asked({ mode: 'reap', onlyOwn: true }), sim.ports(never))
    expect(post).toMatchObject({ verdict: 'rolled-back', reason: { code: 'cancelled' } })
    expect(sim.cluster).toMatchObject({ weight: 0, marked: false, canary: undefined })
  })

  test('while it promotes only leaves the mark; the post step carries the promotion through', async () => {
    const sim = simulate(healthy)
    const ports = sim.ports()
    const perform = ports.cluster.perform
    const end = await run(asked(), {
      ...ports,
      cluster: {
        ...ports.cluster,
        perform: (command, record) => {
          if (command.do === 'write-stable') sim.cancel()
          return command.do === 'write-stable'
            ? Promise.resolve({ kind: 'done', touched: record.touched })
            : perform(command, record)
        },
      },
    })
    expect(end).toMatchObject({
      verdict: 'error',
      reason: { code: 'cancelled', next: expect.stringContaining('carries the promotion on') },
    })
    expect(sim.lines.join('\n')).toMatch(/cancelled: the canary has passed .* carries the promotion on/)
    expect(sim.lines.join('\n')).not.toContain('goes back')
    expect(sim.record()?.state).toMatchObject({ phase: 'promoting', cancelled: true })
    expect(sim.cluster.weight).toBe(50)
    expect(await run(asked({ mode: 'reap', onlyOwn: true }), sim.ports(never))).toMatchObject({ verdict: 'promoted' })
    expect(sim.cluster).toMatchObject({ weight: 0, stable: { hash: canaryTemplate.hash } })
  })
})

describe('a release that another run left', () => {
  /** A run that dies, without a signal, when the clock has moved on by `ms`. */
  const dead = async (ms: number) => {
    const sim = simulate(healthy)
    const ports = sim.ports()
    const died = new Error('killed')
    const limit = ports.clock.now() + ms
    const sleep = (pause: number): Promise<void> => {
      if (ports.clock.now() >= limit) throw died
      return ports.clock.sleep(pause)
    }
    await expect(run(asked(), { ...ports, clock: { ...ports.clock, sleep } })).rejects.toBe(died)
    return sim
  }

  test('and that is alive is left alone: busy', async () => {
    const sim = await dead(10_000)
    const before = sim.record()
    const end = await run(asked({ owner: owner('101') }), sim.ports())
    expect(end).toMatchObject({ verdict: 'error', reason: { code: 'busy' }, ok: false })
    expect(sim.record()).toBe(before)
  })

  test('is cleared away by the next one, which then makes its own', async () => {
    const sim = await dead(10_000)
    sim.expire()
    expect(await run(asked({ owner: owner('101') }), sim.ports())).toMatchObject({ verdict: 'promoted' })
    expect(sim.record()?.history.map(({ verdict }) => verdict)).toEqual(['rolled-back', 'promoted'])
  })

  test.each([
    ['resume', 'promoted'],
    ['reap', 'rolled-back'],
  ] as const)('ends by mode %s as %s', async (mode, verdict) => {
    const sim = await dead(10_000)
    sim.expire()
    expect(await run(asked({ mode, owner: owner('101') }), sim.ports())).toMatchObject({ verdict })
    expect(sim.cluster).toMatchObject({ weight: 0, canary: undefined })
  })

  test.each(['reap', 'guard', 'abort'] as const)(
    'goes back by mode %s where nobody has the credentials of what it was measured by',
    async (mode) => {
      const sim = await dead(10_000)
      sim.expire()
      const ports = sim.ports()
      const read = () => Promise.reject(new Fault('input', 'datadog: the API key is empty'))
      const end = run(asked({ mode, owner: owner('101') }), { ...ports, metrics: { ...ports.metrics, read } })
      expect(await end).toMatchObject({ verdict: 'rolled-back' })
      expect(sim.cluster).toMatchObject({ weight: 0, marked: false, canary: undefined })
    },
  )

  /** The ports of one whose objects cannot be marked for so many tries, and what had been done when they could. */
  const unmarkable = (sim: ReturnType<typeof simulate>, tries: number) => {
    const ports = sim.ports(never)
    const seen = { tries: 0, before: [] as readonly string[] }
    const begun = sim.commands.length
    const stamp: typeof ports.cluster.stamp = async (record, what) => {
      seen.tries += 1
      seen.before = sim.commands.slice(begun)
      if (seen.tries <= tries) return { kind: 'refused', cause: 'upstream', text: 'the webhook does not answer' }
      return ports.cluster.stamp(record, what)
    }
    return { seen, ports: { ...ports, cluster: { ...ports.cluster, stamp } } }
  }

  test('whose objects cannot be marked loses its traffic all the same, and its pods once they are marked', async () => {
    const sim = await dead(10_000)
    sim.expire()
    const { seen, ports } = unmarkable(sim, 3)
    expect(await run(asked({ mode: 'reap', owner: owner('101') }), ports)).toMatchObject({ verdict: 'rolled-back' })
    expect(seen).toEqual({ tries: 4, before: ['weight 0'] })
    expect(sim.cluster).toMatchObject({ weight: 0, marked: false, canary: undefined })
  })

  test('whose objects can never be marked is left without traffic, and the end says why', async () => {
    const sim = await dead(10_000)
    sim.expire()
    const { ports } = unmarkable(sim, Number.POSITIVE_INFINITY)
    expect(await run(asked({ mode: 'reap', owner: owner('101') }), ports)).toMatchObject({
      verdict: 'error',
      reason: { code: 'refused', text: expect.stringContaining('the webhook does not answer') },
    })
    expect(sim.record()?.state.phase).toBe('cleaning')
    expect(sim.cluster).toMatchObject({ weight: 0, canary: { replicas: 2 } })
  })

  test.each(['resume', 'reap'] as const)(
    'and that is promoting goes on by mode %s once its objects are marked, not before',
    async (mode) => {
      const sim = await dead(10_000)
      sim.expire()
      const left = sim.record()
      if (left === undefined) throw new Error('no record')
      sim.setRecord({ ...left, state: { phase: 'promoting', since: 0, cancelled: false } })
      const { seen, ports } = unmarkable(sim, 3)
      expect(await run(asked({ mode, owner: owner('101') }), ports)).toMatchObject({ verdict: 'promoted' })
      expect(seen).toEqual({ tries: 4, before: [] })
    },
  )

  test('is aborted even while it lives, and its next write is refused', async () => {
    const sim = simulate(healthy)
    const running = sim.ports()
    let aborted: Promise<unknown> | undefined
    const sleep = async (ms: number): Promise<void> => {
      if (sim.cluster.weight === 10 && aborted === undefined) {
        aborted = run(asked({ mode: 'abort', owner: owner('102') }), sim.ports(never))
        await aborted
      }
      await running.clock.sleep(ms)
    }
    const end = await run(asked(), { ...running, clock: { ...running.clock, sleep } })
    expect(end).toMatchObject({ verdict: 'error', reason: { code: 'taken-over' } })
    expect(await aborted).toMatchObject({ verdict: 'rolled-back', reason: { code: 'aborted' }, ok: true })
    expect(sim.cluster).toMatchObject({ weight: 0, canary: undefined })
  })

  test('is not touched by the post step of a run that never owned it', async () => {
    const sim = await dead(10_000)
    const before = sim.record()
    const post = await run(asked({ mode: 'reap', owner: owner('101'), onlyOwn: true }), sim.ports(never))
    expect(post.reason.code).toBe('nothing-in-flight')
    expect(sim.record()).toBe(before)
  })
})

test('an older run does not undo what a newer run of the same repository promoted', async () => {
  const sim = simulate(healthy)
  await run(asked({ owner: owner('200') }), sim.ports())
  const end = await run(asked({ owner: owner('150') }), sim.ports())
  expect(end).toMatchObject({ verdict: 'superseded', ok: false })
})

test.each(['abort', 'resume', 'reap', 'status'] as const)(
  'mode %s with no release says so and is green',
  async (mode) => {
    const end = await run(asked({ mode }), simulate().ports())
    expect(end).toMatchObject({ ok: true, reason: { code: 'nothing-in-flight' } })
  },
)

test('what cannot begin is refused with all reasons at once, before anything is written', async () => {
  const sim = simulate()
  const ports = sim.ports()
  const findings = ['one', 'two'].map((text) => ({ id: text, level: 'error' as const, text }))
  const refusing = { ...ports, cluster: { ...ports.cluster, preflight: async () => ({ findings, touched: [] }) } }
  await expect(run(asked(), refusing)).rejects.toThrow(/2 reasons not to begin:\n {2}one\n {2}two/)
  expect([sim.record(), sim.commands]).toEqual([undefined, []])
})

test('the summary of a promotion says what its traffic could have revealed', async () => {
  const sim = simulate(healthy)
  const report = await reported(sim)
  expect(report.details.power).toHaveLength(1)
  expect(report.details.power[0]?.increase).toBeGreaterThan(0.001)
  expect(report.details.power[0]?.increase).toBeLessThan(0.1)
  expect(summarize(report)).toMatch(
    /- errors: an increase of [\d.]+ percentage points or more would have been revealed/,
  )
})

test('the summary of a run that found nothing to do shows nothing that an earlier run measured', async () => {
  const report = await reported(simulate(bad))
  const reason = { code: 'nothing-in-flight', text: 'the last release ended as rolled-back', next: 'nothing' }
  const summary = summarize({ ...report, reason })
  expect(summary).toContain('**nothing-in-flight**: the last release ended as rolled-back')
  expect(summary).not.toMatch(/#### (What was measured|Steps)/)
  expect(summary).toContain('Last releases')
})

test('the summary of a rollback begins with the verdict and says what was measured against what limit', async () => {
  const sim = simulate(bad)
  const report = await reported(sim)
  const summary = summarize(report)
  expect(summary.split('\n')[0]).toBe('### Canary of `prod/shop`: rolled-back')
  expect(summary).toMatch(/errors: canary [\d.]+ of [\d.]+ \(2\d\.\d %\), baseline .* tolerated \+0\.\d+ %/)
  expect(summary).toMatch(/\| 1 \| 10 % \|/)
  expect(report.details.rollbackSeconds).toBeGreaterThanOrEqual(0)
  expect(report.details.zeroWeightSeconds).toBeLessThanOrEqual(1)
})
