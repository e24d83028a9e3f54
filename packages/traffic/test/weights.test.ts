import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canaryPods, shareOf } from '../src/shares.ts'
import {
  type BackendRef,
  backToStable,
  baselineIn,
  MAX_SPLITTABLE,
  MAX_WEIGHT,
  names,
  type Sides,
  sameBackends,
  split,
  unsplit,
  weightIn,
  withoutCanary,
} from '../src/weights.ts'

const sides: Sides = { stable: 'shop', canary: 'shop-canary', namespace: 'shop', routeNamespace: 'shop' }

const backend = fc.record(
  {
    name: fc.constantFrom('shop', 'search', 'legacy'),
    port: fc.constantFrom(80, 8080),
    weight: fc.nat(MAX_SPLITTABLE),
    namespace: fc.constantFrom('shop', 'other'),
    filters: fc.constant([{ type: 'RequestHeaderModifier' }]),
  },
  { requiredKeys: ['name'] },
)
const backends = fc.array(backend, { minLength: 1, maxLength: 5 })
const percent = fc.integer({ min: 0, max: 100 })
const isStable = (ref: BackendRef): boolean => names(ref, 'shop', sides)
const total = (refs: readonly BackendRef[]): number => refs.reduce((sum, { weight = 1 }) => sum + weight, 0)

describe('a split', () => {
  test('gives the canary its percent of the share that stable had', () => {
    fc.assert(
      fc.property(backends, percent, (original, weight) => {
        const own = original.filter(isStable)
        const canary = split(original, sides, { weight }).filter((ref) => names(ref, 'shop-canary', sides))
        expect(canary).toHaveLength(own.length)
        expect(total(canary)).toBe(total(own) * weight)
      }),
    )
  })

  test('leaves the share of every other backend as it was', () => {
    fc.assert(
      fc.property(backends, percent, (original, weight) => {
        const written = split(original, sides, { weight })
        const others = original.filter((ref) => !isStable(ref))
        const kept = written.filter((ref) => !isStable(ref) && !names(ref, 'shop-canary', sides))
        expect(kept.map(({ weight: own = 1 }) => own * total(original))).toEqual(
          others.map(({ weight: own = 1 }) => own * total(written)),
        )
      }),
    )
  })

  test('gives a fresh baseline its percent beside the canary, reads back as both, and is undone exactly', () => {
    const three: Sides = { ...sides, baseline: 'shop-baseline' }
    fc.assert(
      fc.property(backends, fc.nat(50), fc.nat(50), (original, weight, baseline) => {
        const written = split(original, three, { weight, baseline })
        const own = total(original.filter(isStable))
        const share = (service: string) => total(written.filter((ref) => names(ref, service, three)))
        expect(share('shop')).toBe(own * (100 - weight - baseline))
        expect(share('shop-canary')).toBe(own * weight)
        expect(share('shop-baseline')).toBe(own * baseline)
        if (own > 0) {
          expect(weightIn(written, three)).toBeCloseTo(weight, 9)
          expect(baselineIn(written, three)).toBeCloseTo(baseline, 9)
        }
        const others = original.filter((ref) => !isStable(ref)).map(({ weight: each = 1 }) => each * 100)
        expect(withoutCanary(written, three).flatMap((ref) => (isStable(ref) ? [] : [ref.weight]))).toEqual(others)
        if (original.some(isStable)) expect(unsplit(original, three, written)).toEqual(original)
        expect(sameBackends(original, written, three)).toBe(true)
      }),
    )
  })

  test('whose canary somebody took out still shows the fresh baseline, and both go back to stable', () => {
    const three: Sides = { ...sides, baseline: 'shop-baseline' }
    const written = split([{ name: 'shop', port: 80 }], three, { weight: 20, baseline: 20 })
    const left = written.filter(({ name }) => name !== 'shop-canary')
    expect([weightIn(left, three), baselineIn(left, three)]).toEqual([0, 25])
    expect(backToStable([...written, { name: 'new', weight: 100 }], three)).toEqual([
      { name: 'shop', port: 80, weight: 100 },
      { name: 'new', weight: 100 },
    ])
  })

  test('reads back as the weight that was asked for', () => {
    fc.assert(
      fc.property(backends, percent, (original, weight) => {
        fc.pre(total(original.filter(isStable)) > 0)
        expect(weightIn(split(original, sides, { weight }), sides)).toBeCloseTo(weight, 9)
      }),
    )
  })

  test('copies port and filters to the canary, and never passes what Gateway API takes', () => {
    fc.assert(
      fc.property(backends, percent, (original, weight) => {
        const written = split(original, sides, { weight })
        written.forEach((ref, index) => {
          expect(ref.weight).toBeLessThanOrEqual(1_000_000)
          if (ref.name !== 'shop-canary') return
          const { name: _, weight: __, ...rest } = ref
          expect(written[index - 1]).toMatchObject(rest)
        })
      }),
    )
  })

  test('is recognised as the same rule, and is the original again without canary and scale', () => {
    fc.assert(
      fc.property(backends, percent, (original, weight) => {
        const written = split(original, sides, { weight })
        expect(sameBackends(written, original, sides)).toBe(true)
        const back = withoutCanary(split(original, sides, { weight: 0 }), sides)
        expect(back.map((ref) => (ref.weight ?? 1) / 100)).toEqual(original.map((ref) => ref.weight ?? 1))
      }),
    )
  })

  test('of another rule is not taken for this one', () => {
    const rule = (name: string, port = 80): readonly BackendRef[] => [{ name, port }]
    expect(sameBackends(rule('shop'), rule('shop', 8080), sides)).toBe(false)
    expect(sameBackends(rule('shop'), rule('search'), sides)).toBe(false)
    expect(sameBackends([{ group: '', kind: 'Service', name: 'shop', weight: 9 }], [{ name: 'shop' }], sides)).toBe(
      true,
    )
  })
})

describe('what others write for other backends during a release', () => {
  const isCanary = (ref: BackendRef): boolean => names(ref, 'shop-canary', sides)
  /** Each other backend's weight for 1 of what stable and canary get together. */
  const shares = (refs: readonly BackendRef[]): readonly number[] => {
    const ours = total(refs.filter((ref) => isStable(ref) || isCanary(ref)))
    return refs.filter((ref) => !isStable(ref) && !isCanary(ref)).map(({ weight = 1 }) => weight / ours)
  }
  const theirs = fc.array(fc.nat(1_000_000), { minLength: 5, maxLength: 5 })
  const rewritten = (refs: readonly BackendRef[], weights: readonly number[], most: number): readonly BackendRef[] =>
    refs.map((ref, nth) =>
      isStable(ref) || isCanary(ref) ? ref : { ...ref, weight: Math.min(weights[nth % 5] ?? 0, most) },
    )
  const routed = backends.filter((refs) => total(refs.filter(isStable)) > 0)

  test('keeps its shares under every later weight, and without the release', () => {
    fc.assert(
      fc.property(routed, percent, theirs, fc.array(percent), (original, weight, weights, later) => {
        const edited = rewritten(split(original, sides, { weight }), weights, 1_000_000)
        const last = later.reduce<readonly BackendRef[]>((live, next) => {
          const written = split(original, sides, { weight: next }, live)
          expect(shares(written)).toEqual(shares(edited))
          expect(weightIn(written, sides)).toBeCloseTo(next, 9)
          expect(split(original, sides, { weight: next }, written)).toEqual(written)
          return written
        }, edited)
        const back = unsplit(original, sides, last)
        expect(back.some(isCanary)).toBe(false)
        expect(back.every(({ weight: own = 1 }) => Number.isInteger(own) && own <= 1_000_000)).toBe(true)
        // Of all that is sent: rounding a list of which the largest weight is 10,000 moves nothing by a thousandth.
        const parts = (refs: readonly BackendRef[]): readonly number[] =>
          refs.flatMap((ref) => (isStable(ref) || isCanary(ref) ? [] : [(ref.weight ?? 1) / total(refs)]))
        for (const [nth, part] of parts(back).entries())
          expect(Math.abs(part - (parts(edited)[nth] ?? -1))).toBeLessThan(1e-3)
        expect(unsplit(original, sides, back)).toEqual(back)
      }),
    )
  })

  test('keeps its shares when the whole list is written anew without the canary', () => {
    fc.assert(
      fc.property(routed, percent, theirs, (original, weight, weights) => {
        const anew = rewritten(original, weights, MAX_SPLITTABLE)
        expect(unsplit(original, sides, anew)).toEqual(anew)
        const written = split(original, sides, { weight }, anew)
        expect(shares(written)).toEqual(shares(anew))
        expect(shares(unsplit(original, sides, written))).toEqual(shares(anew))
      }),
    )
  })

  test.each<[string, readonly number[], readonly number[], readonly number[], readonly number[]]>([
    ['that are no parts of 100 of it', [900, 100], [850, 150], [85_500, 4500, 15_882], [10_000, 1765]],
    ['that leave stable little', [900, 100], [50, 950], [85_500, 4500, 1_000_000], [900, 10_000]],
  ])('written anew in numbers %s can be split, and what is given back too', (_, before, anew, written, back) => {
    const list = ([stable, other]: readonly number[]): readonly BackendRef[] => [
      { name: 'shop', weight: stable ?? 0 },
      { name: 'search', weight: other ?? 0 },
    ]
    const [original, live] = [list(before), list(anew)]
    const next = split(original, sides, { weight: 5 }, live)
    expect(next.map(({ weight }) => weight)).toEqual(written)
    expect(unsplit(original, sides, next)).toEqual(list(back))
  })

  test('is kept where they added a backend too, in numbers that can be split again', () => {
    const scaled = split(
      [
        { name: 'shop', weight: 900 },
        { name: 'search', weight: 100 },
      ],
      sides,
      { weight: 5 },
    )
    expect(backToStable([...scaled, { name: 'new', weight: 50_000 }], sides)).toEqual([
      { name: 'shop', weight: 9 },
      { name: 'search', weight: 1 },
      { name: 'new', weight: 5 },
    ])
    fc.assert(
      fc.property(routed, percent, fc.nat(MAX_WEIGHT), (original, weight, added) => {
        const back = backToStable([...split(original, sides, { weight }), { name: 'new', weight: added }], sides)
        expect(back.every(({ weight: own = 1 }) => Number.isInteger(own) && own <= MAX_SPLITTABLE)).toBe(true)
      }),
    )
  })

  test('whatever it is, every split of it is taken, and what is given back can always be split again', () => {
    const any = fc.array(fc.nat(MAX_WEIGHT), { minLength: 5, maxLength: 5 })
    fc.assert(
      fc.property(routed, any, theirs, percent, percent, (original, anew, later, weight, next) => {
        const live = original.map((ref, nth) => ({ ...ref, weight: anew[nth] ?? 0 }))
        const written = split(original, sides, { weight }, live)
        const edited = rewritten(written, later, MAX_WEIGHT)
        for (const list of [written, edited]) {
          const back = unsplit(original, sides, list)
          expect(back.every(({ weight: own = 1 }) => Number.isInteger(own) && own <= MAX_SPLITTABLE)).toBe(true)
          const all = [...split(original, sides, { weight: next }, list), ...split(back, sides, { weight: next })]
          expect(all.every(({ weight: own = 1 }) => Number.isInteger(own) && own <= MAX_WEIGHT)).toBe(true)
        }
      }),
    )
  })

  test('is nothing where they wrote nothing: the original comes back exactly, also when only the canary was taken out', () => {
    fc.assert(
      fc.property(routed, fc.array(percent, { minLength: 1 }), (original, weights) => {
        const last = weights.reduce<readonly BackendRef[]>(
          (live, next) => split(original, sides, { weight: next }, live),
          original,
        )
        expect(last).toEqual(split(original, sides, { weight: weights.at(-1) ?? 0 }))
        expect(unsplit(original, sides, last)).toEqual(original)
        // With 1 % left to stable its entry looks as it did before.
        fc.pre(weights.at(-1) !== 99)
        expect(unsplit(original, sides, withoutCanary(last, sides))).toEqual(original)
        expect(split(original, sides, { weight: 7 }, withoutCanary(last, sides))).toEqual(
          split(original, sides, { weight: 7 }),
        )
      }),
    )
  })
})

describe('the canary’s size is its weight', () => {
  test.each([
    [0, 10, 0],
    [5, 10, 1],
    [5, 19, 1],
    [25, 3, 1],
    [25, 9, 3],
    [50, 4, 4],
    [1, 2, 1],
    [90, 1, 9],
  ])('%i %% beside %i pods is %i pods', (weight, stable, pods) => {
    expect(canaryPods(weight, stable)).toBe(pods)
  })

  test('no other number of pods comes nearer', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 99 }), fc.integer({ min: 1, max: 200 }), (weight, stable) => {
        const chosen = canaryPods(weight, stable)
        const miss = (pods: number): number => Math.abs(shareOf(pods, stable) - weight)
        expect(chosen).toBeGreaterThanOrEqual(1)
        expect(miss(chosen)).toBeLessThanOrEqual(miss(chosen + 1) + 1e-9)
        if (chosen > 1) expect(miss(chosen)).toBeLessThanOrEqual(miss(chosen - 1) + 1e-9)
      }),
    )
  })
})
