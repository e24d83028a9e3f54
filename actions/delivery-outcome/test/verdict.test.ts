import { describe, expect, test } from 'vitest'
import type { Job } from '../src/needs.ts'
import { decide } from '../src/verdict.ts'
import { DIGEST, deliveryOf, IMAGE, plannedOf, planOf, type Said } from './jobs.ts'

const withoutDigest = (jobs: Readonly<Record<string, Said>>, plan: string) => ({
  ...deliveryOf(jobs, plan),
  digest: undefined,
})
const WANTED = planOf({ wanted: true })
const PLANNED: Said = ['success', 'pass', { plan: 'here', service: 'shop' }]
const OK: Said = ['success', 'pass']
const NONE: Said = ['success', 'nothing-to-check']
const SKIPPED: Said = ['skipped']
const GOOD = {
  plan: PLANNED,
  checks: OK,
  package: NONE,
  scan: NONE,
  stage: OK,
  canary: ['success', 'promoted', { image: IMAGE }] as Said,
}

describe('a delivery', () => {
  test.each<readonly [string, Partial<typeof GOOD>, string, string, string]>([
    ['that was promoted', {}, WANTED, 'delivered', `production serves ${IMAGE}`],
    ['without staging and checks', { checks: NONE, stage: NONE }, WANTED, 'delivered', 'production serves'],
    [
      'that is the first',
      { canary: ['success', 'promoted', { 'reason-code': 'first-release' }] },
      WANTED,
      'first-release',
      'production serves',
    ],
    [
      'whose image was not handed on',
      { canary: ['success', 'promoted'] },
      WANTED,
      'delivered',
      `production serves ${IMAGE}`,
    ],
    [
      'that recovery carried to its end',
      { canary: ['failure', 'promoted', { image: IMAGE, 'reason-code': 'canary-lost' }] },
      WANTED,
      'delivered',
      'finished the release',
    ],
  ])('%s passes', (_, jobs, plan, code, text) => {
    const { verdict, reason } = decide(deliveryOf({ ...GOOD, ...jobs }, plan))
    expect({ verdict, code: reason.code }).toEqual({ verdict: 'pass', code })
    expect(reason.text).toContain(text)
  })

  test.each<readonly [string, Partial<typeof GOOD>, string, string, string]>([
    [
      'there is no production',
      { canary: ['success', 'nothing-to-check', { 'reason-code': 'no-production' }] },
      planOf(),
      'no-production',
      'no environment with the role production',
    ],
    [
      'it waits for a dispatch',
      { canary: NONE },
      planOf({ wanted: false, approval: 'dispatch' }),
      'awaiting-dispatch',
      'released to by hand',
    ],
    [
      'production is not wanted, and the canary was skipped',
      { canary: SKIPPED },
      planOf({ wanted: false }),
      'not-wanted',
      'released to by hand',
    ],
  ])('that was not meant for production because %s is green and no pass', (_, jobs, plan, code, text) => {
    const { verdict, reason } = decide(deliveryOf({ ...GOOD, ...jobs }, plan))
    expect({ verdict, code: reason.code }).toEqual({ verdict: 'nothing-to-check', code })
    expect(reason.text).toContain(text)
  })

  const PULLED = { ...GOOD, package: NONE, stage: SKIPPED, canary: SKIPPED }
  const pulled = planOf({ wanted: false }).replace('{', '{"deploys-why":"a pull request is checked",')
  test('of an event that deploys nothing is green without a digest, when what ran passed', () => {
    const { verdict, reason } = decide(withoutDigest(PULLED, pulled))
    expect([verdict, reason.code]).toEqual(['nothing-to-check', 'not-wanted'])
  })
  test.each<readonly [string, Partial<typeof GOOD>, string, string]>([
    ['the scan found something', { scan: ['failure', 'fail', { failed: 'source,' }] }, pulled, 'scan-failed'],
    ['the scan did not run', { scan: SKIPPED }, pulled, 'skipped'],
    ['packaging failed', { package: ['failure', 'error'] }, pulled, 'package-error'],
    ['something was staged all the same', { stage: ['failure', 'fail'] }, pulled, 'job-failed'],
    ['the event may deploy', {}, planOf({ wanted: false }), 'output-dropped'],
    ['the plan says that it may', {}, pulled.replace(/"a pull request is checked"/, 'null'), 'output-dropped'],
  ])('without a digest fails when %s', (_, jobs, plan, code) => {
    const { verdict, reason } = decide(withoutDigest({ ...PULLED, ...jobs }, plan))
    expect([verdict, reason.code]).toEqual(['fail', code])
  })

  const undeployed = { stage: SKIPPED, canary: SKIPPED }
  const stopped = { package: SKIPPED, scan: SKIPPED, ...undeployed }
  const unscanned = { scan: SKIPPED, ...undeployed }
  const nothing = { checks: SKIPPED, ...stopped }
  test.each<readonly [string, Partial<typeof GOOD>, string, string, string]>([
    [
      'sluice.yml is wrong',
      { plan: ['failure', 'error', { 'reason-code': 'input-fault' }], ...nothing },
      '',
      'plan-error',
      '(input-fault)',
    ],
    ['the machine of the plan died', { plan: ['failure'], ...nothing }, '', 'plan-error', 'came to no verdict'],
    ['the plan was cancelled', { plan: ['cancelled'], ...nothing }, '', 'cancelled', 'in the job plan'],
    [
      'the plan was dropped',
      { plan: ['success', 'pass', { service: 'shop' }], ...nothing },
      '',
      'output-dropped',
      'the job plan ended well, but did not hand on: plan. GitHub drops',
    ],
    [
      'plan and service were dropped',
      { plan: ['success', 'pass'], ...nothing },
      '',
      'output-dropped',
      'did not hand on: plan, service',
    ],
    [
      'all of the plan was dropped',
      { plan: ['success'], ...nothing },
      '',
      'output-dropped',
      'did not hand on: verdict, plan, service',
    ],
    [
      'checks failed',
      { checks: ['failure', 'fail', { failed: 'types,test' }], ...stopped },
      WANTED,
      'checks-failed',
      'these checks failed: types, test',
    ],
    [
      'checks failed, whose names were dropped',
      { checks: ['failure', 'fail'], ...stopped },
      WANTED,
      'checks-failed',
      'the checks failed',
    ],
    [
      'checks failed, though nothing was to be released',
      { checks: ['failure', 'fail'], ...stopped },
      planOf(),
      'checks-failed',
      'the checks failed',
    ],
    ['checks came to nothing', { checks: ['failure', 'error'], ...stopped }, WANTED, 'checks-error', 'no verdict'],
    [
      "the checks' verdict was dropped",
      { checks: ['success'], ...stopped },
      WANTED,
      'output-dropped',
      'the job checks ended well, but did not hand on: verdict',
    ],
    ['checks were cancelled', { checks: ['cancelled', 'error'], ...stopped }, WANTED, 'cancelled', 'in the job checks'],
    ['checks were skipped', { checks: SKIPPED, ...stopped }, WANTED, 'skipped', 'the job checks was skipped'],
    [
      'the build failed',
      { package: ['failure', 'fail', { 'reason-code': 'build-failed' }], ...unscanned },
      WANTED,
      'package-failed',
      'was not built, or not pushed under its tags (build-failed)',
    ],
    [
      'the registry refused',
      { package: ['failure', 'error', { 'reason-code': 'registry' }], ...unscanned },
      WANTED,
      'package-error',
      '(registry)',
    ],
    ['packaging was cancelled', { package: ['cancelled', 'error'], ...unscanned }, WANTED, 'cancelled', 'job package'],
    [
      "packaging's verdict was dropped",
      { package: ['success'], ...unscanned },
      WANTED,
      'output-dropped',
      'job package',
    ],
    ['packaging was skipped', { package: SKIPPED, ...unscanned }, WANTED, 'skipped', 'the job package was skipped'],
    [
      'the scan found something',
      { scan: ['failure', 'fail', { failed: 'image,codeql,' }], ...undeployed },
      WANTED,
      'scan-failed',
      'what must not be deployed, in: image, codeql',
    ],
    [
      'the scan was not understood',
      { scan: ['failure', 'inconclusive', { failed: 'image,' }], ...undeployed },
      WANTED,
      'scan-inconclusive',
      'all that it looked at, in: image',
    ],
    [
      'the scan came to nothing',
      { scan: ['failure', 'error', { 'reason-code': 'part-error' }], ...undeployed },
      WANTED,
      'scan-error',
      '(part-error)',
    ],
    ['the scan was cancelled', { scan: ['cancelled', 'error'], ...undeployed }, WANTED, 'cancelled', 'in the job scan'],
    ["the scan's verdict was dropped", { scan: ['success'], ...undeployed }, WANTED, 'output-dropped', 'the job scan'],
    [
      'the scan failed, and what it says is of an earlier attempt',
      { scan: ['failure', 'pass'], ...undeployed },
      WANTED,
      'job-failed',
      'the job scan says pass, and yet it failed: the job stage was skipped',
    ],
    [
      'the smoke test failed',
      { stage: ['failure', 'fail', { 'reason-code': 'wrong-answer' }], canary: SKIPPED },
      WANTED,
      'stage-failed',
      'did not pass in staging: fail (wrong-answer)',
    ],
    [
      'the smoke test was inconclusive',
      { stage: ['failure', 'inconclusive'], canary: SKIPPED },
      WANTED,
      'stage-failed',
      'inconclusive',
    ],
    [
      'staging could not be reached',
      { stage: ['failure', 'error', { 'reason-code': 'unreachable' }], canary: SKIPPED },
      WANTED,
      'stage-error',
      '(unreachable)',
    ],
    ['stage was cancelled', { stage: ['cancelled'], canary: SKIPPED }, WANTED, 'cancelled', 'in the job stage'],
    [
      'it was cancelled between two jobs',
      { checks: ['cancelled', 'pass'], ...stopped },
      WANTED,
      'cancelled',
      'before the job package',
    ],
    [
      'nobody approved',
      { canary: ['failure', 'error', { 'reason-code': 'not-approved' }] },
      WANTED,
      'not-approved',
      'somebody refused',
    ],
    [
      'it was rolled back',
      { canary: ['failure', 'rolled-back', { 'reason-code': 'errors', reason: '9 % of 400 requests' }] },
      WANTED,
      'rolled-back',
      'rolled back (errors): 9 % of 400 requests',
    ],
    [
      'it was rolled back by a cancellation',
      { canary: ['cancelled', 'rolled-back', { 'reason-code': 'cancelled' }] },
      WANTED,
      'cancelled',
      'and the release was rolled back',
    ],
    ['something newer is there', { canary: ['failure', 'superseded'] }, WANTED, 'superseded', 'something newer'],
    [
      'too little was seen',
      { canary: ['failure', 'inconclusive', { 'reason-code': 'no-traffic' }] },
      WANTED,
      'inconclusive',
      '(no-traffic)',
    ],
    [
      'the login failed',
      { canary: ['failure', 'error', { 'reason-code': 'login-failed' }] },
      WANTED,
      'canary-error',
      '(login-failed)',
    ],
    ['the canary was cancelled with an error', { canary: ['cancelled', 'error'] }, WANTED, 'cancelled', 'no verdict'],
    [
      'the machine died and recovery rolled back',
      { canary: ['failure', 'rolled-back', { 'reason-code': 'canary-lost', reason: 'weight 0' }] },
      WANTED,
      'canary-lost',
      'rolled back: weight 0',
    ],
    [
      'the machine died and nobody knows',
      { canary: ['failure'] },
      WANTED,
      'canary-lost',
      'without a word (failure), and nobody could say what serves now',
    ],
    [
      'the machine died and recovery says what serves',
      { canary: ['failure', '', { image: 'shop@sha256:b', reason: 'reaped' }] },
      WANTED,
      'canary-lost',
      'shop@sha256:b serves now (reaped)',
    ],
    ['the canary was cancelled without a word', { canary: ['cancelled'] }, WANTED, 'canary-lost', '(cancelled)'],
    ["the canary's verdict was dropped", { canary: ['success'] }, WANTED, 'output-dropped', 'the job canary'],
    [
      'the canary was skipped',
      { canary: SKIPPED },
      WANTED,
      'skipped',
      'the job canary was skipped, though nothing before it stopped',
    ],
    ['the canary had nothing to do', { canary: NONE }, WANTED, 'contradiction', 'the plan releases to production'],
    [
      'another digest serves',
      { canary: ['success', 'promoted', { image: `registry.example/shop@sha256:${'b'.repeat(64)}` }] },
      WANTED,
      'contradiction',
      'not registry.example/shop@sha256:a',
    ],
    ['it was promoted and not wanted', {}, planOf({ wanted: false }), 'contradiction', 'the canary says promoted'],
    [
      'a skipped job says something',
      { checks: ['skipped', 'pass'] },
      WANTED,
      'contradiction',
      'the job checks was skipped and yet says pass',
    ],
    [
      'a gate failed, and what it says is of an earlier attempt',
      { stage: ['failure', 'pass'], canary: SKIPPED },
      WANTED,
      'job-failed',
      'the job stage says pass, and yet it failed: the job canary was skipped',
    ],
    [
      'the canary ended well and its outputs were dropped',
      { canary: ['failure', 'error', { 'reason-code': 'output-dropped' }] },
      WANTED,
      'output-dropped',
      'the job canary',
    ],
    [
      'a gate that passed failed afterwards',
      { stage: ['failure', 'pass'], canary: NONE },
      planOf(),
      'job-failed',
      'the job stage passed its gate',
    ],
    [
      'the canary failed, though nothing was wanted',
      { canary: ['failure', 'error', { reason: 'no record' }] },
      planOf(),
      'canary-error',
      'no record',
    ],
  ])('fails when %s', (_, jobs, plan, code, text) => {
    const { verdict, reason } = decide(deliveryOf({ ...GOOD, ...jobs }, plan))
    expect({ verdict, code: reason.code }).toEqual({ verdict: 'fail', code })
    expect(reason.text).toContain(text)
  })

  test('without a digest fails: the output of the job that built the image was dropped', () => {
    const { needs, plan } = deliveryOf({ ...GOOD, package: OK, scan: SKIPPED, stage: SKIPPED, canary: SKIPPED }, WANTED)
    expect(decide({ needs, plan, digest: undefined })).toMatchObject({
      verdict: 'fail',
      reason: {
        code: 'output-dropped',
        text: expect.stringContaining('the job package ended well, but did not hand on: digest'),
      },
    })
  })
})

/** Every way a job can end, impossible ones too. */
const ways = (verdicts: readonly string[]): readonly Said[] =>
  ['success', 'failure', 'cancelled', 'skipped'].flatMap((result) =>
    ['', ...verdicts].map((verdict): Said => [result, verdict]),
  )

const jobOf = ([result, verdict = '']: Said): Job => ({
  result: result as Job['result'],
  said: (output) => (output === 'verdict' ? verdict : ''),
})

type Gates = readonly [checks: Said, image: Said, scan: Said, stage: Said]

/** Every way of two gates together, the other two being good: what two say to each other, no third changes. */
const GATES: readonly Gates[] = (() => {
  const of = [
    ways(['pass', 'fail', 'nothing-to-check']),
    ways(['pass', 'fail', 'nothing-to-check']),
    ways(['pass', 'inconclusive', 'nothing-to-check']),
    ways(['pass', 'error', 'nothing-to-check']),
  ]
  const all = of.flatMap((firsts, first) =>
    of.flatMap((seconds, second) =>
      second <= first
        ? []
        : firsts.flatMap((one) =>
            seconds.map(
              (other) =>
                [0, 1, 2, 3].map((at) => (at === first ? one : at === second ? other : OK)) as unknown as Gates,
            ),
          ),
    ),
  )
  return [...new Map(all.map((gates) => [JSON.stringify(gates), gates])).values()]
})()

test('over every combination: green only when it is there, or was not meant to be and all else passed', () => {
  const plans = ['', planOf(), planOf({ wanted: false }), WANTED]
  const wrong: string[] = []
  let count = 0
  let delivered = 0
  for (const plan of plans) {
    const known = plannedOf(plan)
    for (const planned of ways(['pass', 'error']))
      for (const gates of GATES)
        for (const canary of ways(['promoted', 'rolled-back', 'nothing-to-check', 'error'])) {
          count++
          const [checks, image, scan, stage] = gates
          const needs = {
            plan: jobOf(planned),
            checks: jobOf(checks),
            package: jobOf(image),
            scan: jobOf(scan),
            stage: jobOf(stage),
            canary: jobOf(canary),
          }
          const { verdict, reason } = decide({ needs, plan: known, digest: DIGEST })
          const expected = rule({ plan, planned, gates, canary })
          if (expected === 'pass') delivered++
          if (verdict !== expected || reason.text === '')
            wrong.push(JSON.stringify({ plan, planned, gates, canary, verdict, reason }))
        }
  }
  expect(wrong.slice(0, 5)).toEqual([])
  expect(count).toBe(4 * 12 * GATES.length * 20)
  // Of the plan and of the canary one good verdict, of each gate two, each after three results: none other than OK, one of four, or two.
  expect(delivered).toBe(3 * (1 + 4 * 5 + 6 * 5 * 5) * 3)
})

type Row = {
  readonly plan: string
  readonly planned: Said
  readonly gates: Gates
  readonly canary: Said
}

/** The rule said another way: as sets of rows, not as an order of questions. */
const rule = ({ plan, planned, gates, canary }: Row): 'pass' | 'fail' | 'nothing-to-check' => {
  const jobs = [planned, ...gates, canary]
  const ghosts = jobs.filter(([result, verdict]) => result === 'skipped' && verdict !== '')
  const open = new Set(['pass', 'nothing-to-check'])
  const through =
    planned[1] === 'pass' && plan !== '' && gates.every(([, said = '']) => open.has(said)) && ghosts.length === 0
  const meant = plan.includes('"wanted":true')
  if (through && meant && canary[1] === 'promoted') return 'pass'
  const quiet = canary.join() === 'success,nothing-to-check' || canary.join() === 'skipped,'
  const clean = [planned, ...gates].every(([result]) => result === 'success')
  return through && !meant && quiet && clean ? 'nothing-to-check' : 'fail'
}
