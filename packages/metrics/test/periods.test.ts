import { describe, expect, test } from 'vitest'
import { closePeriods, dueWindow, type SumQuery } from '../src/periods.ts'

const WIDTH = 60_000
const query = (id: string, side: SumQuery['side'], role: SumQuery['role']): SumQuery => ({
  id,
  side,
  role,
  metric: role === 'value' ? 'cpu' : 'errors',
  text: `query ${id}`,
})
const QUERIES = [
  query('tb', 'baseline', 'total'),
  query('tc', 'canary', 'total'),
  query('bb', 'baseline', 'bad'),
  query('bc', 'canary', 'bad'),
]
const close = (points: Readonly<Record<string, readonly (readonly [number, number])[]>>, periods: number) =>
  closePeriods(
    QUERIES,
    new Map(
      Object.entries(points).map(([id, own]) => [
        id,
        new Map(own.map(([period, value]): [number, number] => [period * WIDTH, value])),
      ]),
    ),
    { from: 0, to: periods * WIDTH },
    WIDTH,
  )
const totals = (closed: ReturnType<typeof close>) =>
  closed.kind === 'buckets'
    ? closed.buckets.filter(({ side }) => side === 'baseline').map(({ total, bad }) => [total, bad])
    : closed.kind

describe('a period is due', () => {
  const timing = { width: WIDTH, delay: 30_000 }
  test.each([
    ['not at its end', 60_000, undefined],
    ['not before its delay', 89_999, undefined],
    ['after its delay', 90_000, { from: 0, to: 60_000 }],
    ['with all before it', 215_000, { from: 0, to: 180_000 }],
    ['at most a thousand at once', 5000 * WIDTH, { from: 0, to: 1000 * WIDTH }],
  ])('%s', (_, now, window) => {
    expect(dueWindow(0, now, timing)).toEqual(window)
  })
})

describe('what a window gives', () => {
  test('a hole between known periods is 0, what comes after them waits', () => {
    const closed = close(
      {
        tb: [
          [0, 5],
          [2, 7],
        ],
        bb: [[2, 1]],
      },
      5,
    )
    expect(totals(closed)).toEqual([
      [5, 0],
      [0, 0],
      [7, 1],
    ])
    expect(closed.next).toBe(3 * WIDTH)
  })
  test('the canary alone tells how far the data goes, too', () => {
    expect(totals(close({ tb: [[0, 5]], tc: [[1, 2]] }, 5))).toEqual([
      [5, 0],
      [0, 0],
    ])
  })
  test('failures without any total are not known requests', () => {
    expect(close({ bb: [[0, 5]] }, 5)).toMatchObject({ kind: 'empty', next: 0 })
  })
  test('more failures than requests are as many', () => {
    expect(totals(close({ tb: [[0, 5]], bb: [[0, 6]] }, 1))).toEqual([[5, 5]])
  })
  test('periods before one that is no count are given first, then it is named, then it is passed over', () => {
    const before = close(
      {
        tb: [
          [0, 5],
          [1, Number.NaN],
          [2, 7],
        ],
      },
      3,
    )
    expect(totals(before)).toEqual([[5, 0]])
    expect(before.next).toBe(WIDTH)
    expect(
      close(
        {
          tb: [
            [0, -1],
            [1, 7],
          ],
        },
        3,
      ),
    ).toMatchObject({ kind: 'nan', query: 'query tb', next: WIDTH })
  })
  test('a thousand periods without data are passed: a release that rests for a day is not asked for for ever', () => {
    const closed = close({}, 1000)
    expect(closed).toMatchObject({ kind: 'buckets', next: 1000 * WIDTH })
  })
})
