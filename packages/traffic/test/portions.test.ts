import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { baseOf, type Dialect, fitting, percentIn, portioned, reduced, withoutTheCanary } from '../src/portions.ts'

type Entry = { readonly name: string; readonly weight: number; readonly more?: number }
const dialect: Dialect<Entry> = {
  names: ({ name }, service) => name === service,
  weight: ({ weight }) => weight,
  weighted: (entry, weight) => ({ ...entry, weight }),
  renamed: (entry, name) => ({ ...entry, name }),
  identity: ({ weight: _, ...entry }) => JSON.stringify(entry),
}
const pair = { stable: 'shop', canary: 'shop-canary' }
const to = (name: string, weight: number): Entry => ({ name, weight })
const total = (entries: readonly Entry[]): number => entries.reduce((sum, { weight }) => sum + weight, 0)
const isOurs = ({ name }: Entry): boolean => name === pair.stable || name === pair.canary
const isCanary = ({ name }: Entry): boolean => name === pair.canary

/** How the three routers that share this write a split: as it is, divided where all stay whole, in the smallest numbers. */
const WRITERS: Readonly<Record<string, (entries: readonly Entry[]) => readonly Entry[]>> = {
  scaled: (entries) => entries,
  halved: (entries) =>
    entries.every(({ weight }) => weight % 100 === 0)
      ? entries.map((entry) => ({ ...entry, weight: entry.weight / 100 }))
      : entries,
  reduced: (entries) => reduced(entries, dialect, 999),
}

describe.each(Object.entries(WRITERS))('what others write beside a release whose lists are %s', (_, written) => {
  const split = (base: readonly Entry[], weight: number) => written(portioned(base, dialect, pair, weight))
  const since = (original: readonly Entry[], live: readonly Entry[]) =>
    baseOf(original, live, pair, { dialect, split: (weight) => split(original, weight) })
  const percent = fc.integer({ min: 1, max: 98 })
  const others = fc.array(fc.integer({ min: 0, max: 100 }), { minLength: 1, maxLength: 3 })
  const lists = fc
    .record({ own: fc.integer({ min: 1, max: 100 }), others })
    .map(({ own, others: weights }) => [to('shop', own), ...weights.map((weight, nth) => to(`other-${nth}`, weight))])

  test.each<[string, readonly number[], readonly number[]]>([
    ['0', [0], [90, 0]],
    ['twice what it was', [2], [90, 20]],
  ])('is kept: another entry has %s', (_, [factor = 0], wanted) => {
    const original = [to('shop', 90), to('blue', 10)]
    const live = split(original, 5).map((entry) =>
      isOurs(entry) ? entry : { ...entry, weight: entry.weight * factor },
    )
    expect(since(original, live).map(({ weight }) => weight)).toEqual(wanted)
  })

  test('keeps its shares under every later weight, and without the release', () => {
    const shares = (entries: readonly Entry[]): readonly number[] => {
      const ours = total(entries.filter(isOurs))
      return entries.filter((entry) => !isOurs(entry)).map(({ weight }) => weight / ours)
    }
    fc.assert(
      fc.property(lists, percent, others, fc.array(percent), (original, weight, theirs, later) => {
        // A million and more is what no split comes to, so that it is theirs for certain.
        const edited = split(original, weight).map((entry, nth) =>
          isOurs(entry) ? entry : { ...entry, weight: 1_000_000 + (theirs[nth % theirs.length] ?? 0) },
        )
        const last = later.reduce<readonly Entry[]>((live, next) => {
          const now = split(since(original, live), next)
          expect(percentIn(now, dialect, pair)).toBeCloseTo(next, 6)
          expect(split(since(original, now), next)).toEqual(now)
          return now
        }, edited)
        const back = since(original, last)
        expect(back.some(isCanary)).toBe(false)
        expect(back.every((entry) => Number.isSafeInteger(entry.weight))).toBe(true)
        for (const [nth, share] of shares(back).entries())
          expect(share / (shares(edited)[nth] ?? Number.NaN)).toBeCloseTo(1, 9)
        expect(since(original, back)).toEqual(back)
      }),
    )
  })

  test('is nothing where they wrote nothing, took the canary out, or changed the canary’s weight or stable’s alone', () => {
    fc.assert(
      fc.property(lists, percent, fc.integer({ min: 0, max: 10_000 }), (original, weight, other) => {
        const live = split(original, weight)
        expect(since(original, original)).toBe(original)
        expect(since(original, live)).toBe(original)
        expect(
          since(
            original,
            live.filter((entry) => !isCanary(entry)),
          ),
        ).toBe(original)
        expect(
          since(
            original,
            live.map((entry) => (isCanary(entry) ? { ...entry, weight: other } : entry)),
          ),
        ).toBe(original)
        expect(
          since(
            original,
            live.map((entry, nth) => (nth === 0 ? { ...entry, weight: other } : entry)),
          ),
        ).toBe(original)
      }),
    )
  })

  test('is all theirs when they wrote the list anew', () => {
    const original = [to('shop', 90), to('blue', 10)]
    const anew = [to('shop', 70), to('blue', 30)]
    expect(since(original, anew)).toBe(anew)
  })
})

describe('a list without the canary', () => {
  test.each<[string, readonly Entry[], readonly Entry[]]>([
    [
      'gives stable what it had',
      [to('shop', 75), to('shop-canary', 25), to('new', 50)],
      [to('shop', 100), to('new', 50)],
    ],
    ['gives it to stable that had nothing left', [to('shop-canary', 100), to('shop', 0)], [to('shop', 100)]],
    ['of the canary alone is stable’s', [to('shop-canary', 5)], [to('shop', 5)]],
    ['leaves others theirs', [to('shop-canary', 5), to('new', 95)], [to('new', 95)]],
    ['is stable’s where the others get nothing', [to('shop-canary', 5), to('new', 0)], [to('shop', 5), to('new', 0)]],
    [
      'gives each entry of stable’s what its own copy had',
      [to('shop', 45), to('shop-canary', 5), to('shop', 18), to('shop-canary', 2)],
      [to('shop', 50), to('shop', 20)],
    ],
  ])('%s', (_, live, wanted) => {
    expect(withoutTheCanary(live, dialect, pair)).toEqual(wanted)
  })
})

test('what does not fit is rounded, and nothing that gets something gets nothing', () => {
  const weights = (entries: readonly Entry[]) => fitting(entries, dialect, 999).map(({ weight }) => weight)
  expect(weights([to('a', 900), to('b', 1)])).toEqual([900, 1])
  expect(weights([to('a', 1800), to('b', 200)])).toEqual([9, 1])
  expect(weights([to('a', 1997), to('b', 1), to('c', 0), to('d', 1000)])).toEqual([999, 1, 0, 500])
})
