import { describe, expect, it } from 'vitest'
import { ended, type Neighbour, restored, successor } from '../src/neighbours.ts'

const NOW = Date.parse('2026-06-01')
const DAY = 24 * 3600 * 1000

/** A neighbour by its statuses, newest first: a state, or a state and its description. */
const neighbour = (id: number, states: readonly (string | readonly [string, string])[], daysOld = 1): Neighbour => ({
  id,
  createdAt: NOW - daysOld * DAY,
  statuses: states.map((one) => {
    const [state, description] = typeof one === 'string' ? [one, ''] : one
    return { state, description, logUrl: `https://log.example/${id}`, environmentUrl: `https://env.example/${id}` }
  }),
})

describe('a success of deployment 5', () => {
  it.each<readonly [string, Neighbour, boolean]>([
    ['an earlier success', neighbour(4, ['success', 'in_progress']), true],
    ['an earlier failure', neighbour(4, ['failure', 'success']), false],
    ['an earlier one in progress', neighbour(4, ['in_progress']), false],
    ['an earlier one that has not begun', neighbour(4, []), false],
    ['an earlier one whose statuses GitHub has forgotten', neighbour(4, [], 91), true],
    ['a later success', neighbour(6, ['success']), false],
  ])('ends %s: %#', (_, one, is) => {
    expect(ended(5, [one], NOW).map(({ id }) => id)).toEqual(is ? [4] : [])
  })

  it('is late when a later deployment has succeeded, and only then', () => {
    expect(successor(5, [neighbour(6, ['success']), neighbour(4, ['success'])])).toBe(6)
    expect(successor(5, [neighbour(6, ['failure', 'success']), neighbour(4, ['success'])])).toBeUndefined()
  })
})

describe('a rollback of deployment 5', () => {
  const byUs = ['inactive', 'Replaced by deployment 5'] as const

  it('gives back what its success had ended, with the address that it had', () => {
    expect(restored(5, [neighbour(3, [byUs, 'success']), neighbour(4, [byUs, 'success'])])).toEqual({
      id: 4,
      state: 'success',
      status: {
        state: 'success',
        description: 'Serves again: deployment 5 was rolled back',
        logUrl: 'https://log.example/4',
        environmentUrl: 'https://env.example/4',
      },
    })
  })

  it.each<readonly [string, readonly Neighbour[]]>([
    ['it had ended none', [neighbour(4, ['success'])]],
    ['another had ended it', [neighbour(4, [['inactive', 'Replaced by deployment 7'], 'success'])]],
    ['somebody ended it by hand', [neighbour(4, ['inactive', 'success'])]],
    ['a later one has succeeded', [neighbour(6, ['success']), neighbour(4, [byUs, 'success'])]],
    ['it was done already', [neighbour(4, [['success', 'Serves again: deployment 5 was rolled back'], byUs])]],
  ])('gives nothing back when %s', (_, neighbours) => {
    expect(restored(5, neighbours)).toBeUndefined()
  })
})
