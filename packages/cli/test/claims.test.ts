import { describe, expect, test } from 'vitest'
import { FAULTS } from '../src/arguments.ts'
import { claimsOf, expectedVerdict, firstClaims } from '../src/rehearsal/claims.ts'
import type { ReleaseFacts, RunFacts } from '../src/rehearsal/facts.ts'

const job = (path: string, conclusion: string, verdict = '', reasonCode = '') => ({
  path,
  conclusion,
  why: '',
  seconds: 1,
  verdict,
  reasonCode,
})
const run = (conclusion: string, outcome: string, jobs: RunFacts['jobs'] = []): RunFacts => {
  const [verdict = '', reason = ''] = outcome.split(' ')
  const file = '.github/workflows/deliver.yml'
  return { id: 3, file, event: 'push', conclusion, refused: '', outcome: verdict, outcomeReason: reason, jobs }
}
const promoted: ReleaseFacts = {
  name: 'good',
  label: 'r2',
  previousLabel: 'r1',
  fault: 'none',
  act: 'none',
  image: 'sha256:22',
  previousImage: 'sha256:11',
  run: run('success', 'pass delivered', [job('deliver / canary / canary', 'success', 'promoted', 'promoted')]),
  recordedBefore: 'nothing',
  deployment: 'success',
  held: false,
  after: {
    image: 'sha256:22',
    desired: 4,
    updated: 4,
    available: 4,
    routeAsBefore: true,
    canaryWeight: 0,
    leftovers: [],
    recorded: 'done, promoted',
  },
  clients: { sent: 4_000, beyondService: 0, byService: 0, fromCanary: 900, settled: { r2: 120 }, settledFailed: 0 },
}
const built = { verdict: 'pass', reasonCode: 'merged', digest: 'sha256:22', stored: 'sha256:22' }
const rolledBack: ReleaseFacts = {
  ...promoted,
  name: 'bad',
  fault: 'errors',
  run: run('failure', 'fail rolled-back', [job('deliver / canary / canary', 'failure', 'rolled-back', 'errors')]),
  deployment: 'failure',
  after: { ...promoted.after, image: 'sha256:11', recorded: 'done, rolled-back' },
  clients: { sent: 800, beyondService: 0, byService: 6, fromCanary: 30, settled: { r1: 120 }, settledFailed: 0 },
}
const cancelled: ReleaseFacts = {
  ...rolledBack,
  act: 'cancel',
  weightThen: 5,
  run: run('cancelled', 'fail cancelled', [job('deliver / canary / canary', 'cancelled')]),
}
const killed: ReleaseFacts = {
  ...rolledBack,
  act: 'kill-twice',
  weightThen: 5,
  deployment: 'error',
  run: run('failure', 'fail canary-lost', [
    job('deliver / canary / canary', 'failure'),
    job('deliver / canary / recover', 'failure'),
  ]),
  reap: run('success', '', [job('reap / reap', 'success', 'rolled-back', 'reaped')]),
}
const recovered: ReleaseFacts = {
  ...killed,
  act: 'kill-once',
  run: run('failure', 'fail rolled-back', [
    job('deliver / canary / canary', 'failure'),
    job('deliver / canary / recover', 'success', 'rolled-back', 'reaped'),
  ]),
}
const refused: ReleaseFacts = {
  ...rolledBack,
  act: 'refuse',
  run: run('failure', 'fail not-approved'),
  deployment: 'no Deployment',
  recordedBefore: 'done, promoted',
  after: { ...rolledBack.after, recorded: 'done, promoted' },
  clients: { ...rolledBack.clients, fromCanary: 0 },
}
const broken = (facts: ReleaseFacts): readonly string[] =>
  claimsOf(facts)
    .filter(({ ok }) => !ok)
    .map(({ text }) => text)

describe('the end that a fault demands', () => {
  test.each(FAULTS.map((fault) => ({ fault, end: ['none', 'outage'].includes(fault) ? 'promoted' : 'rolled-back' })))(
    '$fault ends $end',
    ({ fault, end }) => expect(expectedVerdict(fault, 'none')).toBe(end),
  )

  test.each([
    { act: 'cancel', end: 'rolled-back' },
    { act: 'kill-once', end: 'rolled-back' },
    { act: 'kill-twice', end: 'rolled-back' },
    { act: 'refuse', end: 'untouched' },
  ] as const)('a good release whose run meets $act ends $end', ({ act, end }) => {
    expect(expectedVerdict('none', act)).toBe(end)
  })
})

describe('all claims hold', () => {
  test.each([
    { name: 'for a good release that was promoted', facts: promoted },
    { name: 'for a bad release that was taken back', facts: rolledBack },
    { name: 'for a run that was cancelled', facts: cancelled },
    { name: 'for a run whose canary died and whose recovery took it back', facts: recovered },
    { name: 'for a run that lost two machines and was reaped', facts: killed },
    { name: 'for a release that the reviewer refused', facts: refused },
    { name: 'for a release that was built, and is in the registry', facts: { ...promoted, built } },
    {
      name: 'for a release that was scanned before it was deployed',
      facts: { ...promoted, scan: { verdict: 'pass', reasonCode: 'passed', before: true } },
    },
    { name: 'for an outage that was held and promoted', facts: { ...promoted, fault: 'outage' as const, held: true } },
    {
      name: 'for a hang, whose canary answers nothing',
      facts: {
        ...rolledBack,
        fault: 'hang' as const,
        clients: { ...rolledBack.clients, fromCanary: 0, beyondService: 9 },
      },
    },
    {
      name: 'for a release that was never ready and never had traffic',
      facts: { ...rolledBack, fault: 'never-ready' as const, clients: { ...rolledBack.clients, fromCanary: 0 } },
    },
  ])('$name', ({ facts }) => expect(broken(facts)).toEqual([]))

  test('for a first release', () => {
    const first = { ...promoted, run: run('success', 'pass first-release') }
    expect(firstClaims(first).filter(({ ok }) => !ok)).toEqual([])
    expect(firstClaims(promoted).filter(({ ok }) => !ok)).toMatchObject([{ text: 'outcome' }])
    const scan = { verdict: 'pass', reasonCode: 'passed', before: false }
    expect(firstClaims({ ...first, scan }).filter(({ ok }) => !ok)).toMatchObject([
      { text: 'the scan passed before anything was deployed' },
    ])
  })
})

describe('a claim fails', () => {
  const after = (change: Partial<ReleaseFacts['after']>): ReleaseFacts => ({
    ...promoted,
    after: { ...promoted.after, ...change },
  })
  const clients = (change: Partial<ReleaseFacts['clients']>, facts = promoted): ReleaseFacts => ({
    ...facts,
    clients: { ...facts.clients, ...change },
  })

  test.each([
    {
      name: 'when a bad release is promoted',
      facts: { ...rolledBack, run: promoted.run },
      text: 'canary-promote in production',
    },
    {
      name: 'when the release was taken back and the run is green',
      facts: { ...rolledBack, run: { ...rolledBack.run, conclusion: 'success' } },
      text: 'its run',
    },
    {
      name: 'when the last job calls a delivery none',
      facts: { ...promoted, run: { ...promoted.run, outcomeReason: 'first-release' } },
      text: 'outcome',
    },
    {
      name: 'when the last job says nothing',
      facts: { ...promoted, run: { ...promoted.run, outcome: '', outcomeReason: '' } },
      text: 'outcome',
    },
    {
      name: 'when the run was refused',
      facts: { ...promoted, run: { ...promoted.run, refused: 'Invalid workflow file' } },
      text: 'its run',
    },
    {
      name: 'when GitHub still shows the release as on its way',
      facts: { ...rolledBack, deployment: 'in_progress' },
      text: 'GitHub Deployment to production',
    },
    {
      name: 'when GitHub shows what was taken back as a success',
      facts: { ...rolledBack, deployment: 'success' },
      text: 'GitHub Deployment to production',
    },
    {
      name: 'when the image that is live is another',
      facts: after({ image: 'sha256:33' }),
      text: 'image of the live Deployment',
    },
    { name: 'when a pod is missing', facts: after({ available: 3 }), text: 'its pods, all new and available' },
    { name: 'when a pod is old', facts: after({ updated: 3 }), text: 'its pods, all new and available' },
    {
      name: 'when there is no pod at all',
      facts: after({ desired: 0, updated: 0, available: 0 }),
      text: 'its pods, all new and available',
    },
    {
      name: 'when the route is not as it was',
      facts: after({ routeAsBefore: false, canaryWeight: 50 }),
      text: 'the split of the traffic',
    },
    {
      name: 'when a canary pod still gets its share where no route splits',
      facts: after({ canaryWeight: 20 }),
      text: 'the split of the traffic',
    },
    {
      name: 'when the canary is left behind',
      facts: after({ leftovers: ['Deployment/support-router-canary'] }),
      text: 'objects left behind',
    },
    { name: 'when the saved state is not done', facts: after({ recorded: 'cleaning' }), text: 'saved state' },
    {
      name: 'when the image was not built',
      facts: { ...promoted, built: { ...built, verdict: 'fail' } },
      text: 'the image was built and pushed',
    },
    {
      name: 'when the registry has other bytes under the digest that the job gave',
      facts: { ...promoted, built: { ...built, stored: 'sha256:33' } },
      text: 'what the registry has under its digest',
    },
    {
      name: 'when the job gave no digest',
      facts: { ...promoted, built: { ...built, digest: '', stored: '' } },
      text: 'what the registry has under its digest',
    },
    {
      name: 'when the scan failed, though it was deployed',
      facts: { ...promoted, scan: { verdict: 'fail', reasonCode: 'findings', before: true } },
      text: 'the scan passed before anything was deployed',
    },
    {
      name: 'when the scan said nothing',
      facts: { ...promoted, scan: { verdict: '', reasonCode: '', before: false } },
      text: 'the scan passed before anything was deployed',
    },
    {
      name: 'when the scan passed after a deployment had begun',
      facts: { ...promoted, scan: { verdict: 'pass', reasonCode: 'passed', before: false } },
      text: 'the scan passed before anything was deployed',
    },
    {
      name: 'when the old release still answers',
      facts: clients({ settled: { r2: 119, r1: 1 } }),
      text: 'who answers after the end, by the clients',
    },
    { name: 'when nobody answers', facts: clients({ settled: {} }), text: 'who answers after the end, by the clients' },
    {
      name: 'when a request fails after the end',
      facts: clients({ settledFailed: 1 }),
      text: 'failed requests after the end',
    },
    {
      name: 'when the gateway lost a request of a good release',
      facts: clients({ beyondService: 1 }),
      text: 'failed requests that the service did not answer',
    },
    {
      name: 'when the good release failed one itself',
      facts: clients({ byService: 1 }),
      text: 'failed requests of the service itself',
    },
    {
      name: 'when a bad release never had traffic',
      facts: clients({ fromCanary: 0 }, rolledBack),
      text: 'the canary had traffic',
    },
    {
      name: 'when a pod that is never ready had traffic',
      facts: { ...rolledBack, fault: 'never-ready' as const },
      text: 'answers of the canary',
    },
    {
      name: 'when a refused release had traffic',
      facts: clients({ fromCanary: 1 }, refused),
      text: 'answers of the canary',
    },
    {
      name: 'when a refused release changed the saved state',
      facts: { ...refused, after: { ...refused.after, recorded: 'analysing' } },
      text: 'saved state',
    },
    {
      name: 'when a refused release was recorded as deployed',
      facts: { ...refused, deployment: 'success' },
      text: 'GitHub Deployment to production',
    },
    {
      name: 'when an outage was not held',
      facts: { ...promoted, fault: 'outage' as const },
      text: 'held while stable failed as well',
    },
    {
      name: 'when the cancelled run was not',
      facts: { ...cancelled, run: { ...cancelled.run, conclusion: 'failure' } },
      text: 'its run',
    },
    {
      name: 'when the canary had no weight when the run was cancelled',
      facts: { ...cancelled, weightThen: 0 },
      text: 'traffic went to the canary when it was cancelled',
    },
    {
      name: 'when the kill did not kill',
      facts: {
        ...killed,
        run: { ...killed.run, jobs: rolledBack.run.jobs.map((one) => ({ ...one, conclusion: 'success' })) },
      },
      text: "the canary's job",
    },
    {
      name: 'when the canary had no weight when its machine died',
      facts: { ...killed, weightThen: 0 },
      text: 'traffic went to the canary when it died',
    },
    {
      name: 'when the recovery did not take it back',
      facts: { ...recovered, run: killed.run },
      text: 'the job beside it took it back',
    },
    {
      name: 'when reaping ended red',
      facts: { ...killed, reap: run('failure', '', [job('reap / reap', 'failure', 'error', 'busy')]) },
      text: 'it took the release back',
    },
  ])('$name', ({ facts, text }) => expect(broken(facts)).toContain(text))
})
