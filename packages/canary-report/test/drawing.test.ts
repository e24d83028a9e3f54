import type { Count } from '@sluice/evidence/count'
import type { CountedSeries } from '@sluice/evidence/series'
import { describe, expect, test } from 'vitest'
import { timeTicks, valueTicks } from '../src/axis.ts'
import { blocksOf } from '../src/blocks.ts'
import { line, type Point, thinned } from '../src/curve.ts'
import { eventMarks, eventsOf } from '../src/events.ts'
import { type Field, fieldOf } from '../src/figure.ts'
import { counted, duration, magnitude, percent, points, requests, value } from '../src/numbers.ts'
import type { Look } from '../src/report.ts'

const at = (second: number): string => new Date(Date.UTC(2026, 0, 1) + second * 1000).toISOString()
const begin = Date.UTC(2026, 0, 1)
const size = { name: 'wide', width: 300, left: 50, right: 50, blocks: 10, ticks: 5 } as const
const field: Field = fieldOf(size, { from: 0, until: 100 }, { top: 20, height: 100, range: [0, 10] })

describe('numbers are written', () => {
  test.each([
    [percent(0.00531), '0.531\u00a0%'],
    [percent(0), '0\u00a0%'],
    [points(0.0011), '+0.11 points'],
    [requests(104655), '104,655'],
    [requests(12.34), '12.3'],
    [value(1234567), '1,235,000'],
    [counted({ n: 4096, k: 61 }), '61 of 4,096 (1.49\u00a0%)'],
    [counted({ n: 0, k: 0 }), 'no requests'],
    [magnitude(Math.log(500)), '500'],
    [magnitude(40), '10¹⁷'],
    [magnitude(-12), '10⁻⁵'],
    [duration(42_400), '42\u00a0s'],
    [duration(800_000), '13\u00a0min 20\u00a0s'],
    [duration(7_500_000), '2\u00a0h 5\u00a0min'],
  ])('%s', (written, expected) => {
    expect(written).toBe(expected)
  })
})

describe('an axis has round marks', () => {
  test.each([
    [1500, 9, ['00:00', '00:05', '00:10', '00:15', '00:20', '00:25']],
    [20, 5, ['00:00:00', '00:00:05', '00:00:10', '00:00:15', '00:00:20']],
  ] as const)('of %i s', (seconds, most, labels) => {
    const ticks = timeTicks({ from: begin, until: begin + seconds * 1000 }, most)
    expect(ticks.map(({ label }) => label)).toEqual(labels)
  })
  test.each([
    [0.034, ['0 %', '1 %', '2 %', '3 %']],
    [60, ['0 %', '2000 %', '4000 %', '6000 %']],
  ])('up to %d', (top, labels) => {
    expect(valueTicks(top, 4, percent).map(({ label }) => label.replace('\u00a0', ' '))).toEqual(labels)
  })
})

const series = (
  seconds: number,
  more: (index: number) => { readonly weight: number; readonly canary: Count },
): CountedSeries => {
  const indices = Array.from({ length: seconds / 5 }, (_, index) => index)
  return {
    name: 'errors',
    kind: 'ratio',
    samples: indices.map((index) => ({ at: at(5 * (index + 1)), weight: more(index).weight, step: 0 })),
    baseline: indices.map(() => ({ n: 100, k: 1 })),
    canary: indices.map((index) => more(index).canary),
  }
}

describe('blocks of intervals', () => {
  test('are each as long as a share of the time where the canary answers much', () => {
    const blocks = blocksOf(
      series(600, () => ({ weight: 50, canary: { n: 1000, k: 3 } })),
      10,
    )
    expect(blocks.map(({ from, until }) => (until - from) / 1000)).toEqual(Array(10).fill(60))
    expect(blocks[0]).toMatchObject({ baseline: { n: 1200, k: 12 }, canary: { n: 12_000, k: 36 } })
  })
  test('are longer where it answers little', () => {
    const blocks = blocksOf(
      series(600, () => ({ weight: 1, canary: { n: 1, k: 0 } })),
      10,
    )
    expect(blocks.map(({ from, until }) => (until - from) / 1000)).toEqual([600])
  })
  test('never hold two weights, and lose no request', () => {
    const all = series(600, (index) => ({ weight: index < 51 ? 5 : 25, canary: { n: index < 51 ? 30 : 150, k: 1 } }))
    const blocks = blocksOf(all, 10)
    expect(blocks.find(({ weight }) => weight === 25)?.from).toBe(begin + 255_000)
    expect(blocks.reduce((sum, { canary }) => sum + canary.n, 0)).toBe(51 * 30 + 69 * 150)
    for (const { from, until } of blocks) expect(until - from).toBeGreaterThanOrEqual(30_000)
  })
  test('know what uneven counts are taken for', () => {
    const all = series(60, () => ({ weight: 50, canary: { n: 1000, k: 4 } }))
    const uneven = {
      ...all,
      samples: all.samples.map((sample) => ({ ...sample, dispersion: { baseline: 2, canary: 4 } })),
    }
    expect(blocksOf(uneven, 1)).toMatchObject([
      { canary: { n: 12_000, k: 48 }, weighed: { baseline: { n: 600, k: 6 }, canary: { n: 3000, k: 12 } } },
    ])
  })
  test('of nothing are none', () => {
    expect(
      blocksOf(
        series(0, () => ({ weight: 0, canary: { n: 0, k: 0 } })),
        10,
      ),
    ).toEqual([])
  })
})

describe('a curve', () => {
  test('breaks where there is no value', () => {
    const given: readonly Point[] = [0, 10, undefined, 30].map((number, index) => ({
      at: index * 20,
      value: number === undefined ? undefined : index,
    }))
    expect(line(field, given)).toBe('M50 120L90 110M170 90')
  })
  test('that is thinned keeps its first, last, lowest and highest point, and is short', () => {
    const many = Array.from({ length: 5000 }, (_, index) => ({ at: index, value: Math.sin(index / 300) }))
    const spiked = many.map((point) => (point.at === 3210 ? { ...point, value: 99 } : point))
    const kept = thinned(spiked, 100)
    expect(kept.length).toBeLessThanOrEqual(400)
    expect(kept[0]).toEqual(spiked[0])
    expect(kept.at(-1)).toEqual(spiked.at(-1))
    expect(Math.max(...kept.map((point) => point.value ?? 0))).toBe(99)
    expect(kept.map((point) => point.at)).toEqual(kept.map((point) => point.at).sort((a, b) => a - b))
  })
  test('outside its field is drawn at the edge', () => {
    expect([field.y(-5), field.y(50), field.x(-1), field.x(1000)]).toEqual([120, 20, 50, 250])
  })
})

const look = (second: number, more: Partial<Look>): Look => ({
  at: at(second),
  phase: 'analysing',
  step: 0,
  asked: 0,
  written: 0,
  stable: { available: 8, desired: 8 },
  canary: { ready: 2, desired: 2, restarts: 0 },
  ...more,
})

describe('events', () => {
  test('are what changed from look to look', () => {
    const looks = [
      look(0, { phase: 'preparing' }),
      look(5, { written: 5 }),
      look(10, { written: 5, observed: 4.8 }),
      look(15, { written: 5, canary: { ready: 1, desired: 2, restarts: 2 } }),
      look(20, { written: 5, phase: 'holding', canary: { ready: 2, desired: 2, restarts: 2 } }),
      look(25, {
        phase: 'lowering',
        stable: { available: 7, desired: 8 },
        canary: { ready: 0, desired: 0, restarts: 2 },
      }),
    ]
    expect(eventsOf({ looks, timeline: [] }).map(({ text }) => text)).toEqual([
      '2 of 2 canary pods ready',
      'Canary weight 5 %',
      '1 of 2 canary pods ready',
      'A canary container restarted 2 times, 2 in all',
      'Holding: the weight stays where it is',
      '2 of 2 canary pods ready',
      'The canary’s traffic goes away',
      'Canary weight 0 %',
      'The canary has no pods any more',
      '7 of 8 stable pods available',
    ])
  })
  test('are the lines that the release told where no looks were kept', () => {
    expect(eventsOf({ timeline: [{ at: at(3), text: 'going back' }] })).toEqual([
      { at: begin + 3000, kind: 'phase', text: 'going back' },
    ])
  })
  test('that lie close together share a number, and all numbers are there and touch no other', () => {
    const many = Array.from({ length: 90 }, (_, index) => ({
      at: (index * index) / 81,
      kind: 'phase' as const,
      text: '',
    }))
    const { markup } = eventMarks(field, many)
    const labels = [...markup.matchAll(/<text[^>]*>([^<]*)</g)].map(([, text = '']) => text.split('–').map(Number))
    expect(
      labels.flatMap(([first = 0, last = first]) =>
        Array.from({ length: last - first + 1 }, (_, index) => first + index),
      ),
    ).toEqual(many.map((_, index) => index + 1))
    const boxes = [...markup.matchAll(/x="([\d.]+)" y="[\d.]+" width="([\d.]+)"/g)].map(
      ([, x, width]) => [Number(x), Number(width)] as const,
    )
    boxes.slice(1).forEach(([x], index) => {
      const [before = 0, width = 0] = boxes[index] ?? []
      expect(x).toBeGreaterThanOrEqual(before + width)
    })
  })
})
