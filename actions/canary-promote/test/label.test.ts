import { describe, expect, test } from 'vitest'
import { chooseLabel, type LabelQuestion, type Policy, shortened } from '../src/label.ts'

const pods = { app: 'shop', tier: 'web', team: 'blue' }
const policy = (kind: string, name: string, matchLabels: Record<string, string>): Policy => ({
  kind,
  name,
  selectors: [{ matchLabels }],
})
const question = (more: Partial<LabelQuestion> = {}): LabelQuestion => ({
  split: 'weights',
  deployment: { matchLabels: { app: 'shop', tier: 'web' } },
  service: { app: 'shop', tier: 'web' },
  pods,
  policies: [],
  ...more,
})

describe('behind a router the label that changes', () => {
  test('is one that Deployment and Service both select by', () => {
    const choice = chooseLabel(question({ service: { tier: 'web', team: 'blue' } }))
    expect(choice).toMatchObject({ kind: 'chosen', label: { key: 'tier', stable: 'web', canary: 'web-canary' } })
  })

  test('is the one that the fewest policies select by', () => {
    const policies = [
      policy('NetworkPolicy', 'db', { app: 'shop' }),
      policy('PodDisruptionBudget', 'all', { app: 'shop' }),
    ]
    expect(chooseLabel(question({ policies }))).toMatchObject({ label: { key: 'tier' }, changes: [] })
  })

  test('comes with the policies that pick canary pods differently', () => {
    const policies = [policy('NetworkPolicy', 'a', { app: 'shop' }), policy('NetworkPolicy', 'b', { tier: 'web' })]
    expect(chooseLabel(question({ policies }))).toMatchObject({ label: { key: 'app' }, changes: [{ name: 'a' }] })
  })

  test('is before all one by which no other Service picks canary pods', () => {
    const policies = [policy('NetworkPolicy', 'a', { tier: 'web' }), policy('NetworkPolicy', 'b', { tier: 'web' })]
    const services = [policy('Service', 'balancer', { tier: 'web' })]
    const guards = ['NetworkPolicy']
    expect(chooseLabel(question({ policies, services, guards }))).toMatchObject({ label: { key: 'tier' } })
    expect(chooseLabel(question({ policies, guards }))).toMatchObject({ label: { key: 'app' } })
  })

  test('takes selectors by expression into account', () => {
    const untracked: Policy = {
      kind: 'NetworkPolicy',
      name: 'untracked',
      selectors: [{ matchExpressions: [{ key: 'sluice.dev/track', operator: 'DoesNotExist' }] }],
    }
    expect(chooseLabel(question({ policies: [untracked] }))).toMatchObject({ changes: [{ name: 'untracked' }] })
  })

  test.each([
    ['the two selectors share no label', question({ service: { team: 'blue' } }), /share no label/],
    ['the Deployment has no matchLabels', question({ deployment: {} }), /without matchLabels/],
  ])('does not exist when %s', (_, asked, text) => {
    expect(chooseLabel(asked)).toMatchObject({ kind: 'none', text: expect.stringMatching(text) })
  })
})

describe('without a router the label that changes', () => {
  test('is one that only the Deployment selects by', () => {
    const choice = chooseLabel(question({ split: 'replicas', service: { app: 'shop' } }))
    expect(choice).toMatchObject({ kind: 'chosen', label: { key: 'tier' } })
  })

  test('is none when both select by the same labels', () => {
    expect(chooseLabel(question({ split: 'replicas' }))).toEqual({ kind: 'chosen', label: undefined, changes: [] })
  })
})

describe('a name', () => {
  test('of up to 63 characters stays', () => expect(shortened('a'.repeat(63))).toBe('a'.repeat(63)))
  test('that is longer is cut to 63 and told apart by a hash', () => {
    const [one, two] = [shortened(`${'a'.repeat(63)}b`), shortened(`${'a'.repeat(63)}c`)]
    expect([one.length, two.length]).toEqual([63, 63])
    expect(one).not.toBe(two)
  })
})
