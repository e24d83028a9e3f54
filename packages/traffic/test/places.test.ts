import { describe, expect, test } from 'vitest'
import { placesOf } from '../src/places.ts'

const same = (now: string, original: { readonly kind: string }): boolean => now.replace('*', '') === original.kind
const touched = (now: string): boolean => now.endsWith('*')
/** Each original as its kind and index; each live list as its kind, with a star where the canary is in it. */
const places = (originals: readonly string[], live: readonly string[]) =>
  placesOf(
    originals.map((each) => ({ kind: each.charAt(0), index: Number(each.slice(1)) })),
    live,
    same,
    touched,
  )

describe('a list of the release’s is found', () => {
  test.each<[string, readonly string[], readonly string[], readonly (number | undefined)[]]>([
    ['at its index', ['a0', 'b1'], ['a', 'b', 'a'], [0, 1]],
    ['elsewhere, when others were put before it', ['a0', 'b2'], ['x', 'a', 'x', 'b'], [1, 3]],
    ['nowhere, when it is gone or several may be it', ['a0', 'b1'], ['x', 'x', 'b', 'b'], [undefined, undefined]],
    ['where the canary is, not where somebody put the same one at its index', ['a0'], ['a', 'a*'], [1]],
    ['where the canary is, also among two of one kind', ['a0', 'a1'], ['a', 'a*', 'a*'], [1, 2]],
    ['where the canary is, each of its own kind', ['a0', 'b1', 'a2'], ['b', 'a*', 'b*', 'a*'], [1, 2, 3]],
    ['at its index without the canary, when the other still has it', ['a0', 'a1'], ['a*', 'a'], [0, 1]],
    ['at its index, when somebody copied it with the canary', ['a0'], ['a*', 'a*'], [0]],
    ['nowhere, when several elsewhere have the canary', ['a0'], ['a', 'a*', 'a*'], [undefined]],
    ['nowhere, when it was taken out and another one remains', ['a0', 'a1'], ['a*'], [0, undefined]],
  ])('%s', (_, originals, live, wanted) => {
    expect(places(originals, live)).toEqual(wanted)
  })
})
