import { describe, expect, test } from 'vitest'
import { plan, reported, simulate } from './simulation.ts'

/** Ten requests a second of which the canary gets one: twenty in a step that is to count fifty, and as many again while it is held. */
const scarce = { rate: 10 }
const short = (more: Parameters<typeof plan>[0]) =>
  plan({ steps: [{ weight: 10, hold: 20_000 }], 'max-hold': 20_000, ...more })
const COUNTED =
  /this step counted \d+ canary and \d+ baseline requests, where min-requests asks for 50 on each side; that was still so when max-hold \(20 s\) was over/

describe('a step that has not counted enough when max-hold is over', () => {
  test('is taken back by default, and the reason says what was counted and what was missing', async () => {
    const report = await reported(simulate(scarce), { plan: short({ 'on-inconclusive': 'rollback' }) })
    expect(report).toMatchObject({
      verdict: 'inconclusive',
      reason: { code: 'too-few-requests', text: expect.stringMatching(COUNTED) },
      details: { weight: 0 },
    })
    const [step] = report.details.steps
    expect(report.reason.text).toContain(`counted ${step?.canary} canary and ${step?.baseline} baseline`)
  })

  test('is promoted where the plan says so, aloud and with what it could not have seen', async () => {
    const sim = simulate(scarce)
    const report = await reported(sim, { plan: short({ 'on-inconclusive': 'promote' }) })
    expect(report).toMatchObject({ verdict: 'promoted', reason: { code: 'promoted-inconclusive' } })
    expect(report.reason.text).toMatch(/^not every step passed: .*Step 1: this step counted \d+ canary/)
    const [finding] = report.findings.filter(({ id }) => id === 'promoted-inconclusive')
    expect(finding).toMatchObject({ level: 'warning', text: expect.stringContaining('with 95 % probability') })
    expect(sim.lines.at(-1)).toContain('on-inconclusive: promote')
  })

  test('is not promoted on nothing: one side counted no request at all', async () => {
    const sim = simulate({ rate: 0 })
    const report = await reported(sim, { plan: short({ 'on-inconclusive': 'promote' }) })
    expect(report).toMatchObject({ verdict: 'inconclusive', details: { weight: 0 } })
    expect(report.reason.text).toContain('on-inconclusive: promote needs at least one request on each side')
  })

  test('is not promoted on counts that mean nothing', async () => {
    const sim = simulate()
    // Less than before without a restart: several processes answer the scrape in turn.
    sim.after(10_000, () => {
      sim.counts.baseline.total -= 500
    })
    const report = await reported(sim, { plan: short({ 'on-inconclusive': 'promote' }) })
    expect(report).toMatchObject({ verdict: 'inconclusive', reason: { code: 'unreliable' } })
  })

  test('is held for a person, goes on when enough has come, and is no exception then', async () => {
    const sim = simulate(scarce)
    sim.after(55_000, () => sim.change({ rate: 100 }))
    const report = await reported(sim, { plan: short({ 'on-inconclusive': 'hold' }) })
    expect(sim.lines.filter((line) => line.includes('for a person'))).toHaveLength(1)
    expect(report).toMatchObject({ verdict: 'promoted', reason: { code: 'promoted' } })
  })

  test('is held no longer than the release may take', async () => {
    const sim = simulate({ rate: 0.5 })
    const report = await reported(sim, { plan: short({ 'on-inconclusive': 'hold' }) })
    expect(report).toMatchObject({ verdict: 'inconclusive', reason: { code: 'deadline' }, details: { weight: 0 } })
    expect(report.reason.text).toMatch(/it was held: this step counted \d+ canary/)
  })
})

test('a shared outage that never ends is no verdict on the release: promote passes it, and says by what it was held', async () => {
  const sim = simulate({ errors: { baseline: 0.2, canary: 0.2 } })
  const report = await reported(sim, { plan: short({ 'on-inconclusive': 'promote' }) })
  expect(report).toMatchObject({ verdict: 'promoted', reason: { code: 'promoted-inconclusive' } })
  expect(report.reason.text).toContain('both sides are above the limit of 5.00 %')
})
