import { Fault } from '@sluice/kit/faults'
import type { GitEvent } from '../../src/tags/event.ts'

export const SHA = '860c1904a1ce19322e91ac35af1ab07466440c37'
export const SHORT = '860c190'

/** A push to the default branch, made up. */
export const eventOf = (over: Partial<GitEvent> = {}): GitEvent => ({
  name: 'push',
  ref: 'refs/heads/main',
  sha: SHA,
  baseRef: '',
  headRef: '',
  defaultBranch: 'main',
  repository: {
    name: 'till',
    fullName: 'corner-shop/till',
    url: 'https://github.com/corner-shop/till',
    description: 'Counts the coins',
    license: 'MIT',
  },
  committedAt: Date.parse('2020-01-09T23:30:00Z'),
  now: Date.parse('2020-01-10T00:30:05.067Z'),
  ...over,
})

export const onBranch = (name: string): GitEvent => eventOf({ ref: `refs/heads/${name}` })
export const onTag = (name: string, over: Partial<GitEvent> = {}): GitEvent =>
  eventOf({ ref: `refs/tags/${name}`, ...over })
export const onPull = (number: number): GitEvent =>
  eventOf({ name: 'pull_request', ref: `refs/pull/${number}/merge`, baseRef: 'main', headRef: 'my/branch' })

/** The text of the fault that something ends in; anything else that is thrown is a bug. */
export const faultOf = (make: () => unknown): string => {
  try {
    make()
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.kind === 'input') return thrown.message
    throw thrown
  }
  throw new Error('There was no fault')
}
