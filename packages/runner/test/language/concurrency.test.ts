// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are parts of workflow files
import { expect, test } from 'vitest'
import { admit, concurrencyOf, type Group, LONGEST_QUEUE, leave } from '../../src/language/concurrency.ts'
import { jobOf, scopeOf } from './reading.ts'

const read = (lines: string) => concurrencyOf(jobOf(lines).concurrency, scopeOf({ github: { ref: 'Main', on: true } }))

test.each([
  ['if: true', undefined],
  ['concurrency: Prod', { group: 'prod', cancelInProgress: false, queue: 'single' }],
  ['concurrency: deploy-${{ github.ref }}', { group: 'deploy-main', cancelInProgress: false, queue: 'single' }],
  [
    'concurrency: { group: a, cancel-in-progress: "${{ github.on }}" }',
    { group: 'a', cancelInProgress: true, queue: 'single' },
  ],
  ['concurrency: { group: a, queue: max }', { group: 'a', cancelInProgress: false, queue: 'max' }],
  [
    'concurrency: { group: a, queue: max, cancel-in-progress: "${{ github.on }}" }',
    { wrong: "'queue: max' cannot be combined with 'cancel-in-progress: true'" },
  ],
  ['concurrency: ${{ github.nothing }}', { wrong: 'Concurrency group name cannot be empty' }],
])('%s is read as %j: a group has no cases', (lines, concurrency) => {
  expect(read(lines)).toEqual(concurrency)
})

const free: Group = { running: undefined, pending: [] }
const held: Group = { running: 'a', pending: [] }
const single = { cancelInProgress: false, queue: 'single' } as const

test('a free group starts whoever comes', () => {
  expect(admit(free, { id: 'a', ...single })).toEqual({ group: held, cancel: [] })
})

test('one waits, and a newer one cancels it', () => {
  const waiting = admit(held, { id: 'b', ...single })
  expect(waiting).toEqual({ group: { running: 'a', pending: ['b'] }, cancel: [] })
  expect(admit(waiting.group, { id: 'c', ...single })).toEqual({
    group: { running: 'a', pending: ['c'] },
    cancel: ['b'],
  })
})

test('cancel-in-progress cancels whoever runs and whoever waits', () => {
  const newcomer = { id: 'c', cancelInProgress: true, queue: 'single' } as const
  expect(admit({ running: 'a', pending: ['b'] }, newcomer)).toEqual({
    group: { running: 'a', pending: ['c'] },
    cancel: ['a', 'b'],
  })
})

test('with queue: max a hundred wait, and one more is cancelled', () => {
  const waiting = [...Array(LONGEST_QUEUE).keys()].map(String)
  const newcomer = { id: 'x', cancelInProgress: false, queue: 'max' } as const
  expect(admit({ running: 'a', pending: waiting.slice(1) }, newcomer)).toMatchObject({ cancel: [] })
  expect(admit({ running: 'a', pending: waiting }, newcomer)).toMatchObject({ cancel: ['x'] })
})

test('when the one that runs leaves, the one that waits longest runs', () => {
  expect(leave({ running: 'a', pending: ['b', 'c'] }, 'a')).toEqual({ running: 'b', pending: ['c'] })
  expect(leave({ running: 'a', pending: ['b', 'c'] }, 'b')).toEqual({ running: 'a', pending: ['c'] })
  expect(leave(held, 'a')).toEqual(free)
})
