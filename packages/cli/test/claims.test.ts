import { describe, expect, test } from 'vitest'
import { FAULTS } from '../src/arguments.ts'
import { claimsOf, expectedVerdict, type ReleaseFacts } from '../src/rehearsal/claims.ts'

const pass = { code: 0, signal: undefined, verdict: 'pass', reasonCode: 'passed' }
const promoted: ReleaseFacts = {
  name: 'good',
  label: 'r2',
  previousLabel: 'r1',
  fault: 'none',
  image: 'sha256:22',
  previousImage: 'sha256:11',
  deploy: pass,
  smoke: pass,
  canary: { code: 0, signal: undefined, verdict: 'promoted', reasonCode: 'passed' },
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
const rolledBack: ReleaseFacts = {
  ...promoted,
  name: 'bad',
  fault: 'errors',
  canary: { code: 1, signal: undefined, verdict: 'rolled-back', reasonCode: 'errors' },
  after: { ...promoted.after, image: 'sha256:11', recorded: 'done, rolled-back' },
  clients: { sent: 800, beyondService: 0, byService: 6, fromCanary: 30, settled: { r1: 120 }, settledFailed: 0 },
}
const killed: ReleaseFacts = {
  ...rolledBack,
  canary: { code: undefined, signal: 'SIGKILL', verdict: '', reasonCode: '' },
  reap: { told: { code: 0, signal: undefined, verdict: 'rolled-back', reasonCode: 'reaped' }, weightAtDeath: 5 },
}
const broken = (facts: ReleaseFacts): readonly string[] =>
  claimsOf(facts)
    .filter(({ ok }) => !ok)
    .map(({ text }) => text)

describe('the end that a fault demands', () => {
  test.each(FAULTS.map((fault) => ({ fault, end: ['none', 'outage'].includes(fault) ? 'promoted' : 'rolled-back' })))(
    '$fault ends $end',
    ({ fault, end }) => expect(expectedVerdict(fault, false)).toBe(end),
  )

  test('a release whose runner died is taken back, whatever it was', () => {
    expect(expectedVerdict('none', true)).toBe('rolled-back')
  })
})

describe('all claims hold', () => {
  test.each([
    { name: 'for a good release that was promoted', facts: promoted },
    { name: 'for a bad release that was taken back', facts: rolledBack },
    { name: 'for a killed run that the next one cleaned up', facts: killed },
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
      facts: { ...rolledBack, canary: promoted.canary },
      text: 'canary-promote in production',
    },
    {
      name: 'when the verdict is right and the exit code is not',
      facts: { ...rolledBack, canary: { ...rolledBack.canary, code: 0 } },
      text: 'canary-promote in production',
    },
    {
      name: 'when staging did not pass its smoke-test',
      facts: { ...promoted, smoke: { ...pass, code: 1, verdict: 'fail' } },
      text: 'smoke-test of staging',
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
      text: 'HTTPRoute',
    },
    {
      name: 'when the canary is left behind',
      facts: after({ leftovers: ['Deployment/support-router-canary'] }),
      text: 'objects left behind',
    },
    { name: 'when the saved state is not done', facts: after({ recorded: 'cleaning' }), text: 'saved state' },
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
      name: 'when an outage was not held',
      facts: { ...promoted, fault: 'outage' as const },
      text: 'held while stable failed as well',
    },
    {
      name: 'when the kill did not kill',
      facts: { ...killed, canary: rolledBack.canary },
      text: 'canary-promote was killed',
    },
    {
      name: 'when the canary had no weight when the run died',
      facts: { ...killed, reap: { told: pass, weightAtDeath: 0 } },
      text: 'traffic went to the canary when it died',
    },
    {
      name: 'when the next run did not clean up',
      facts: { ...killed, reap: { told: { ...pass, verdict: 'error', code: 1 }, weightAtDeath: 5 } },
      text: 'the next run cleaned up',
    },
  ])('$name', ({ facts, text }) => expect(broken(facts)).toContain(text))
})
