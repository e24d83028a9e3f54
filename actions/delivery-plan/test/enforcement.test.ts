import { readSluiceFile } from '@sluice/delivery/file'
import { planFor } from '@sluice/delivery/plan'
import { describe, expect, test } from 'vitest'
import { enforcementFindings, environmentsOf, isUnenforced, isUnusable } from '../src/enforcement.ts'
import type { Look, Purpose, Seen } from '../src/look.ts'

const found = (given: Partial<Extract<Look, { kind: 'found' }>> = {}): Look => ({
  kind: 'found',
  reviewers: 0,
  waitMinutes: 0,
  apps: 0,
  branches: 'protected',
  ...given,
})
const GOOD: Readonly<Record<Purpose, Look>> = {
  staging: found({ branches: 'any' }),
  approval: found({ reviewers: 1, branches: 'any' }),
  production: found(),
  recovery: found(),
}
const seen = (given: Partial<Record<Purpose, Look>>): readonly Seen[] =>
  Object.entries({ ...GOOD, ...given }).map(([purpose, look]) => ({
    name: `the-${purpose}`,
    purpose: purpose as Purpose,
    look,
  }))
const told = (given: Partial<Record<Purpose, Look>>): readonly string[] =>
  enforcementFindings(seen(given), 'error', 'https://github.com/acme/shop/settings/environments').map(
    ({ level, id, text }) => `${level} ${id}: ${text}`,
  )

test('environments as they should be are not spoken of', () => {
  expect(told({})).toEqual([])
  expect(isUnenforced(seen({}))).toBe(false)
})

describe('an approval', () => {
  test.each<{ name: string; look: Look; unenforced: boolean; says: readonly string[] }>([
    {
      name: 'by another system cannot be had: GitHub fails the job that asks for it',
      look: found({ apps: 1, reviewers: 1 }),
      unenforced: false,
      says: [
        'error custom-rule: the approval environment the-approval asks another system (custom protection rules): GitHub fails each job at once that names it and makes no Deployment',
      ],
    },
    {
      name: 'without reviewers asks nobody',
      look: found(),
      unenforced: true,
      says: [
        'error approval-not-enforced: the approval environment the-approval asks nobody: it has no required reviewers',
      ],
    },
    {
      name: 'by a clock asks nobody',
      look: found({ waitMinutes: 5 }),
      unenforced: true,
      says: [
        'error approval-not-enforced: the approval environment the-approval asks nobody: it has a wait timer of 5 min and no required reviewers',
      ],
    },
    {
      name: 'by an environment that there is not asks nobody',
      look: { kind: 'absent' },
      unenforced: true,
      says: [
        'error approval-not-enforced: the approval environment the-approval asks nobody: there is no such environment, and GitHub makes a missing one without rules when a job names it',
      ],
    },
    {
      name: 'that could not be looked at is not held against anybody',
      look: { kind: 'unknown', why: 'GitHub is away' },
      unenforced: false,
      says: ['note environment-unknown: what the-approval enforces is not known: GitHub is away'],
    },
  ])('$name', ({ look, unenforced, says }) => {
    expect(told({ approval: look })).toEqual(says)
    expect(isUnenforced(seen({ approval: look }))).toBe(unenforced)
  })
})

describe('the other environments', () => {
  test.each<{ name: string; given: Partial<Record<Purpose, Look>>; says: string }>([
    {
      name: 'any branch may deploy',
      given: { production: found({ branches: 'any' }) },
      says: 'warning any-branch: the environment the-production lets any branch deploy',
    },
    {
      name: 'production is missing',
      given: { production: { kind: 'absent' } },
      says: 'warning environment-absent: the production environment the-production is missing; GitHub makes it without rules when a job names it, so any branch may deploy there',
    },
    {
      name: 'approval is asked for twice',
      given: { production: found({ reviewers: 2 }) },
      says: 'warning asked-twice: the environment the-production asks for approval itself (2 reviewers)',
    },
    {
      name: 'repair waits for a person',
      given: { recovery: found({ reviewers: 1 }) },
      says: 'warning recovery-waits: the recovery environment the-recovery makes a repair wait (1 reviewer): a canary that lost its run keeps its traffic until then',
    },
    {
      name: 'repair waits for a clock',
      given: { recovery: found({ waitMinutes: 30 }) },
      says: 'warning recovery-waits: the recovery environment the-recovery makes a repair wait (30 min wait timer): a canary that lost its run keeps its traffic until then',
    },
    {
      name: 'staging is missing',
      given: { staging: { kind: 'absent' } },
      says: 'warning environment-absent: the staging environment the-staging is missing; GitHub makes it without rules when a job names it, so any branch may deploy there',
    },
    {
      name: 'one reason of several environments is said once',
      given: { production: { kind: 'unknown', why: 'no token' }, recovery: { kind: 'unknown', why: 'no token' } },
      says: 'note environment-unknown: what the-production, the-recovery enforce is not known: no token',
    },
  ])('$name', ({ given, says }) => {
    expect(told(given)).toEqual([says])
    expect(isUnenforced(seen(given))).toBe(false)
  })
})

test.each(['staging', 'approval', 'production', 'recovery'] as const)(
  'a custom protection rule in %s stops the plan',
  (purpose) => {
    const given = seen({ [purpose]: found({ apps: 2, reviewers: 1 }) })
    expect([isUnusable(given), isUnusable(seen({})), isUnenforced(given)]).toEqual([true, false, false])
    expect(told({ [purpose]: found({ apps: 2, reviewers: 1 }) })).toEqual([
      `error custom-rule: the ${purpose} environment the-${purpose} asks 2 other systems (custom protection rules): GitHub fails each job at once that names it and makes no Deployment`,
    ])
  },
)

describe('what is looked at is what the run will use', () => {
  const file = (approval: string) =>
    readSluiceFile(
      `version: 1
services: { shop: { image: shop, deploy: { eu: { namespace: a, manifests: b }, test: { namespace: c, manifests: d } } } }
environments: { test: { role: staging }, eu: { role: production, approval: ${approval}, recovery-environment: repair } }`,
      'sluice.yml',
    )
  test.each([
    { approval: 'environment', event: 'push', names: ['test', 'eu-approval', 'eu', 'repair'] },
    { approval: 'none', event: 'push', names: ['test', 'eu', 'repair'] },
    { approval: 'dispatch', event: 'push', names: ['test'] },
    { approval: 'dispatch', event: 'workflow_dispatch', names: ['test', 'eu', 'repair'] },
    { approval: 'environment', event: 'pull_request', names: [] },
  ])('$approval, $event: $names', ({ approval, event, names }) => {
    const plan = planFor(file(approval), { service: '', event })
    expect(environmentsOf(plan).map(({ name }) => name)).toEqual(names)
  })
})
