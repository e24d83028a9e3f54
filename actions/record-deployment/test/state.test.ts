import { describe, expect, test } from 'vitest'
import { moves, type ReleaseVerdict, type State, sentenceFor, stateFor, VERDICTS } from '../src/state.ts'

describe('the state that a release is given', () => {
  test.each<readonly ['' | 'in_progress', '' | ReleaseVerdict, State]>([
    ['in_progress', '', 'in_progress'],
    ['', 'promoted', 'success'],
    ['', 'pass', 'success'],
    ['', 'rolled-back', 'failure'],
    ['', 'fail', 'failure'],
    ['', 'superseded', 'inactive'],
    ['', 'inconclusive', 'error'],
    ['', 'nothing-to-check', 'error'],
    ['', 'error', 'error'],
    ['', '', 'error'],
  ])('state "%s" and verdict "%s" is %s', (state, verdict, wanted) => {
    expect(stateFor(state, verdict)).toBe(wanted)
    expect(sentenceFor(state, verdict)).not.toBe('')
  })

  test('every verdict that action.yml lists has one', () => {
    expect(VERDICTS.map((verdict) => stateFor('', verdict))).not.toContain(undefined)
  })
})

describe('a deployment', () => {
  const forward = ['in_progress', 'error', 'success', 'failure', 'inactive'] as const
  test.each(forward.flatMap((from, a) => forward.map((to, b) => [from, to, b > a] as const)))(
    'goes from %s to %s: %s',
    (from, to, goes) => {
      expect(moves(from, to)).toBe(goes)
    },
  )

  test.each(['queued', 'pending', undefined])('goes from %s to anything', (from) => {
    expect(forward.every((to) => moves(from, to))).toBe(true)
  })
})
