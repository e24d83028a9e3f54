import { Fault } from '@sluice/kit/faults'
import { describe, expect, test } from 'vitest'
import { authorOf } from '../src/foreign.ts'
import { watchOf } from '../src/judgement.ts'
import { run } from '../src/run.ts'
import { summarize } from '../src/summary.ts'
import { asked, plan, reported, simulate } from './simulation.ts'

const healthy = { errors: { baseline: 0.002, canary: 0.002 } }
const copying = plan({
  steps: [
    { mirror: 20, hold: 20_000 },
    { weight: 50, hold: 20_000 },
  ],
})

describe('a change that somebody else makes', () => {
  test('is named with its author, put right, and the release goes on', async () => {
    const sim = simulate(healthy)
    sim.after(8000, () => {
      sim.cluster.weight = 77
    })
    const end = await run(asked(), sim.ports())
    expect(end).toMatchObject({ verdict: 'promoted' })
    const text =
      'somebody else (kubectl) changed what this release wrote: the route sends the canary 77 %, and this release wrote 10 %'
    expect(sim.lines).toContain(text)
    expect(end.moments.map((moment) => moment.text)).toContain(text)
    expect(sim.record()?.foreign).toMatchObject([{ what: 'weight', by: 'kubectl', open: false }])
  })

  test('a second time has the release back, with both of them in the reason', async () => {
    const sim = simulate(healthy)
    sim.after(8000, () => {
      sim.cluster.weight = 77
    })
    sim.after(15_000, () => {
      sim.cluster.stable.replicas = 1
    })
    const end = await run(asked(), sim.ports())
    expect(end).toMatchObject({
      verdict: 'error',
      reason: { code: 'foreign-change', text: expect.stringMatching(/77 %.*by kubectl.*stable was scaled to 1/) },
    })
    expect(sim.cluster).toMatchObject({ weight: 0, canary: undefined, stable: { replicas: 3 } })
  })

  test("is none where it is the release's own: weight 0, written while the way back could not be saved", async () => {
    const sim = simulate({ errors: { baseline: 0.002, canary: 0.3 } })
    const ports = sim.ports()
    const until = ports.clock.now() + 12_000
    let failed = 0
    const save: typeof ports.record.save = async (record, version) => {
      if (record.state.phase === 'lowering' && ports.clock.now() < until) {
        failed += 1
        throw new Fault('upstream', 'the API server failed (500)')
      }
      return ports.record.save(record, version)
    }
    const end = await run(asked(), { ...ports, record: { ...ports.record, save } })
    expect(end).toMatchObject({ verdict: 'rolled-back', reason: { code: 'errors' } })
    expect(failed).toBeGreaterThan(0)
    expect(sim.lines.join('\n')).toMatch(/could not be saved; the weight was set to 0/)
    expect(sim.record()?.foreign ?? []).toEqual([])
  })
})

describe('who wrote a field', () => {
  const entry = (manager: string, time: string, fields: object) => ({
    manager,
    time,
    operation: 'Update',
    fieldsV1: fields,
  })
  const replicas = { 'f:spec': { 'f:replicas': {} } }
  const object = (...managedFields: readonly object[]) => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'shop', managedFields },
  })
  test.each([
    [
      'the last of several',
      object(entry('a', '2030-01-01T00:00:00Z', replicas), entry('b', '2030-01-01T00:00:05Z', replicas)),
      'b',
    ],
    ['nobody, where it is ours', object(entry('sluice', '2030-01-01T00:00:00Z', replicas)), undefined],
    [
      'nobody, where others own other fields',
      object(entry('a', '2030-01-01T00:00:00Z', { 'f:spec': { 'f:paused': {} } })),
      undefined,
    ],
    ['nobody, where the server tells nothing', { ...object(), metadata: { name: 'shop' } }, undefined],
  ])('is %s', (_, given, author) => {
    expect(authorOf(given, ['spec', 'replicas'])).toBe(author)
  })
})

describe('a step that copies requests', () => {
  test('passes on the copies that the canary answered, and the shares follow', async () => {
    const sim = simulate(healthy)
    expect(await run(asked({ plan: copying }), sim.ports())).toMatchObject({ verdict: 'promoted' })
    expect(sim.commands.filter((command) => command.startsWith('weight'))).toEqual([
      'weight 0 and copies 20',
      'weight 50',
      'weight 25',
      'weight 0',
    ])
    const record = sim.record()
    expect(record && watchOf(record).steps.map(({ weight, mirror }) => ({ weight, mirror }))).toEqual([
      { weight: 0, mirror: 20 },
      { weight: 50, mirror: undefined },
    ])
  })

  test('that fail takes the release back before a user saw it', async () => {
    const sim = simulate({ errors: { baseline: 0.002, canary: 0.3 } })
    expect(await run(asked({ plan: copying }), sim.ports())).toMatchObject({
      verdict: 'rolled-back',
      reason: { code: 'errors' },
    })
    expect(sim.commands.filter((command) => command.startsWith('weight'))).toEqual([
      'weight 0 and copies 20',
      'weight 0',
    ])
    expect(sim.cluster).toMatchObject({ weight: 0, mirrored: 0, canary: undefined })
  })

  test('that never come is inconclusive: no digest is blamed for a gateway that copies nothing', async () => {
    const sim = simulate({ ...healthy, canaryServes: false })
    expect(await run(asked({ plan: copying }), sim.ports())).toMatchObject({
      verdict: 'inconclusive',
      reason: { code: 'too-few-requests' },
    })
    expect(sim.cluster).toMatchObject({ weight: 0, mirrored: 0, canary: undefined })
  })

  test('is left by a cancelled run with one write', async () => {
    const sim = simulate(healthy)
    sim.after(8000, sim.cancel)
    await run(asked({ plan: copying }), sim.ports())
    expect(sim.commands.at(-1)).toBe('weight 0')
    expect(sim.cluster.mirrored).toBe(0)
  })
})

test('the summary calls a copy a copy, not a weight of 0', async () => {
  const sim = simulate({ errors: { baseline: 0.002, canary: 0.3 } })
  const summary = summarize(await reported(sim, { plan: copying }))
  expect(summary).toContain('copy of 20 %')
  expect(summary).toContain('copy of 20 percent :step')
})

describe('a route that does not do what it says', () => {
  test.each([
    [
      'sends the canary five times its weight',
      { routes: (weight: number) => Math.min(100, 5 * weight) },
      'share-differs',
    ],
    ['sends it a third', { routes: (weight: number) => weight / 3 }, 'populations-differ'],
  ] as const)('and %s ends without a verdict on the release', async (_, given, code) => {
    const sim = simulate({ ...healthy, ...given })
    expect(await run(asked(), sim.ports())).toMatchObject({ verdict: 'inconclusive', reason: { code } })
    expect(sim.cluster).toMatchObject({ weight: 0, canary: undefined })
  })

  test('is not to be told from a stable that answers others, too', async () => {
    const sim = simulate({ ...healthy, others: 100 })
    expect(await run(asked(), sim.ports())).toMatchObject({
      verdict: 'inconclusive',
      reason: { code: 'populations-differ' },
    })
  })
})
