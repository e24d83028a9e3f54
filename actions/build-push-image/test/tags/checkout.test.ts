import { expect, test } from 'vitest'
import { checkedOut, ofTrial } from '../../src/tags/checkout.ts'
import type { GitEvent } from '../../src/tags/event.ts'
import { tagsOf } from '../../src/tags/tags.ts'

const [ONE, TWO] = ['1'.repeat(40), '2'.repeat(40)]
const event = (ref: string): GitEvent => ({
  name: ref.startsWith('refs/pull/') ? 'pull_request' : 'push',
  ref,
  sha: ONE,
  baseRef: '',
  headRef: '',
  defaultBranch: 'main',
  repository: { name: 'shop', fullName: 'acme/shop', url: '', description: '', license: '' },
  committedAt: 1,
  now: 2,
})

test('the run’s commit is named where the checkout is at it, or cannot be told', () => {
  for (const head of [ONE, undefined])
    expect(checkedOut(event('refs/heads/main'), head)).toMatchObject({ revision: ONE, trial: false, notes: [] })
})

test('a checkout of another commit of a branch is named by its own, and said', () => {
  const found = checkedOut(event('refs/heads/main'), TWO)
  expect(found).toMatchObject({ revision: TWO, trial: false, event: { sha: TWO, committedAt: undefined } })
  expect(found.notes.join()).toContain(TWO)
})

test('a Git tag never names another commit', () => {
  expect(() => checkedOut(event('refs/tags/v1.2.3'), TWO)).toThrow('its tags would name another commit')
})

test('a trial merge takes no tag of the head, and none for ever', () => {
  const pull = event('refs/pull/7/merge')
  const found = checkedOut(pull, TWO)
  expect(found).toMatchObject({ revision: TWO, trial: true, event: { sha: ONE } })
  const { tags, notes } = ofTrial(tagsOf('', '', pull), pull)
  expect(tags).toMatchObject([{ name: 'pr-7-1111111', kind: 'moving' }])
  expect(notes.join()).toContain('sha-1111111 is not written')
  expect(ofTrial(tagsOf('type=ref,event=pr', '', pull), pull).tags).toMatchObject([{ name: 'pr-7', kind: 'moving' }])
  // Not the number of another pull request.
  expect(() => ofTrial(tagsOf('type=raw,value=pr-77-{{sha}}', '', pull), pull)).toThrow('every tag would name its head')
  expect(() => ofTrial(tagsOf('type=sha', '', pull), pull)).toThrow('every tag would name its head')
})

test('a pull request’s head that is checked out is itself', () => {
  expect(checkedOut(event('refs/pull/7/merge'), ONE)).toMatchObject({ revision: ONE, trial: false })
})
