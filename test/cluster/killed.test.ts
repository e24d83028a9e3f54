import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Release } from './images.ts'
import { expectRest, recordOf } from './rest.ts'
import { PLAN, type Real, realCluster, type Site, siteOn } from './site.ts'

/** Where the process dies, told by its log; what it releases; the end of a run that takes over by `resume`, and by `reap`. */
type Drill = {
  readonly state: string
  readonly at: RegExp
  readonly release: Release
  readonly plan?: string
  readonly resume: string
  readonly reap: string
}

// Once promotion has begun both carry it on: stable already runs what was analysed.
const FORWARD = { release: 'good', resume: 'promoted', reap: 'promoted' } as const
const DRILLS: readonly Drill[] = [
  { state: 'preparing', at: /releasing /, release: 'good', resume: 'promoted', reap: 'rolled-back' },
  { state: 'raising', at: /step 1 of 2: raising/, release: 'good', resume: 'promoted', reap: 'rolled-back' },
  { state: 'analysing', at: /step 1 of 2: analysing/, release: 'good', resume: 'promoted', reap: 'rolled-back' },
  {
    state: 'preparing the second step',
    at: /step 2 of 2: preparing/,
    release: 'good',
    resume: 'promoted',
    reap: 'rolled-back',
  },
  {
    state: 'analysing the second step',
    at: /step 2 of 2: analysing/,
    release: 'good',
    resume: 'promoted',
    reap: 'rolled-back',
  },
  {
    state: 'holding',
    at: /holding at weight 20/,
    release: 'good',
    plan: PLAN.replace('min-requests: 40', 'min-requests: 1000000').replace('max-hold: 30s', 'max-hold: 8s'),
    resume: 'inconclusive',
    reap: 'rolled-back',
  },
  { state: 'promoting', at: /promoting: stable gets/, ...FORWARD },
  { state: 'lowering after the promotion', at: /promoted: weight \d+, on its way/, ...FORWARD },
  { state: 'draining after the promotion', at: /promoted: draining/, ...FORWARD },
  { state: 'cleaning after the promotion', at: /promoted: cleaning up/, ...FORWARD },
  {
    state: 'lowering on the way back',
    at: /going back: weight 0/,
    release: 'errors',
    resume: 'rolled-back',
    reap: 'rolled-back',
  },
  {
    state: 'draining on the way back',
    at: /going back: draining/,
    release: 'errors',
    resume: 'rolled-back',
    reap: 'rolled-back',
  },
  {
    state: 'cleaning on the way back',
    at: /going back: cleaning up/,
    release: 'errors',
    resume: 'rolled-back',
    reap: 'rolled-back',
  },
]

let real: Real
const sites: Site[] = []
beforeAll(async () => {
  real = await realCluster()
}, 120_000)
afterAll(async () => {
  for (const site of sites) await site.remove()
})

describe.each(['resume', 'reap'] as const)('an action that is killed (SIGKILL), then %s by another run', (mode) => {
  test.concurrent.each(DRILLS)(`in $state ends $${mode}`, { timeout: 180_000 }, async (drill) => {
    const site = await siteOn(real)
    sites.push(site)
    const clients = site.clients(40)
    const plan = drill.plan ?? PLAN
    const first = site.canary({ image: real.image(drill.release), plan })
    await first.said(drill.at)
    first.kill('SIGKILL')
    expect((await first.done).signal).toBe('SIGKILL')
    expect((await recordOf(site))?.state.phase).not.toBe('done')

    const kubeconfig = mode === 'reap' ? site.recovery : site.kubeconfig
    const second = await site.canary({ mode, plan, kubeconfig }, { GITHUB_RUN_ID: '101' }).done
    const verdict = drill[mode]
    expect(second.outputs, second.log).toMatchObject({ verdict })
    await expectRest(real, site, verdict === 'promoted' ? 'good' : 'old')
    clients.stop()
    const lost = clients.failures().filter((line) => !line.includes('errors 500'))
    expect(lost, `requests lost: ${lost.slice(0, 5).join('; ')}\n${second.log}`).toEqual([])
    await site.remove()
  })
})
