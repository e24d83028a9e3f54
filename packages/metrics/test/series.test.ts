import { describe, expect, test } from 'vitest'
import { growth, type Line, type Series, seriesKey, spacing } from '../src/series.ts'

/** A small generator of its own: runs repeat. */
const randomOf = (seed: number) => () => {
  seed = (Math.imul(seed ^ (seed >>> 15), 1 | seed) + 0x6d2b79f5) | 0
  const t = Math.imul(seed ^ (seed >>> 7), 61 | seed) ^ seed
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296
}

/**
 * Processes that count, restart, come and go, scraped every second; each look asks for the raw samples of a window that reaches back to the look
 * before and some more, now and then fails, and now and then comes twice. The model counts every request that any scrape saw, once.
 */
const simulate = (seed: number) => {
  const random = randomOf(seed)
  const pods: { name: string; code: string; value: number; alive: boolean; seen: number }[] = []
  const store = new Map<string, { labels: Series['labels']; samples: { at: number; value: number }[] }>()
  let requests = 0
  let lines: ReadonlyMap<string, Line> = new Map()
  let counted = 0
  let begun = false
  let last = 0
  const start = () =>
    pods.push({
      name: `p${pods.length}`,
      code: random() < 0.3 ? '500' : '200',
      value: Math.floor(random() * 4000),
      alive: true,
      seen: 0,
    })
  for (let index = 0; index < 3; index++) start()
  for (let second = 1; second <= 300; second++) {
    if (random() < 0.03) start()
    for (const pod of pods) {
      if (!pod.alive) continue
      if (random() < 0.02) pod.alive = false
      else if (random() < 0.05) {
        // A new process: what it counts before the next scrape stays below what the old one had.
        pod.seen = 0
        pod.value = Math.floor(random() * 3)
      } else pod.value += Math.floor(random() * 40)
    }
    const at = second * 1000
    for (const pod of pods) {
      if (!pod.alive || random() < 0.05) continue
      const labels = { __name__: 'x', pod: pod.name, code: pod.code }
      const key = seriesKey(labels)
      const known = store.get(key) ?? { labels, samples: [] as { at: number; value: number }[] }
      const before = known.samples.at(-1)?.value
      // A restart that no scrape can see is nobody's to count.
      if (before !== undefined && pod.value < before && !(before > 1000 && pod.value > before * 0.9)) pod.seen = 0
      else if (before !== undefined && pod.value < before) pod.value = before
      const grown = before === undefined || pod.value < before ? pod.value : pod.value - before
      if (begun) requests += grown
      known.samples.push({ at, value: pod.value })
      store.set(key, known)
    }
    if (random() < 0.4) continue
    const from = last - 4000
    const answer = [...store.values()].flatMap(({ labels, samples }) => {
      const within = samples.filter((sample) => sample.at > from && sample.at <= at)
      return within.length === 0 ? [] : [{ labels, samples: within }]
    })
    if (!begun) {
      lines = new Map(
        [...store].flatMap(([key, { samples }]) => (samples.length === 0 ? [] : [[key, samples.at(-1) as Line]])),
      )
      begun = true
      last = at
      continue
    }
    if (random() < 0.2) continue
    for (let times = random() < 0.3 ? 2 : 1; times > 0; times--) {
      const grown = growth(lines, answer)
      if (grown.kind !== 'grown') throw new Error(grown.text)
      counted += grown.grown.reduce((sum, { by }) => sum + by, 0)
      lines = grown.lines
      last = at
    }
  }
  const grown = growth(lines, [...store.values()])
  if (grown.kind !== 'grown') throw new Error(grown.text)
  return { requests, counted: counted + grown.grown.reduce((sum, { by }) => sum + by, 0) }
}

test('every request that a scrape saw is counted once, through restarts, pods that come and go, missed scrapes, failed looks and looks that come twice', () => {
  for (let seed = 1; seed <= 120; seed++) {
    const { requests, counted } = simulate(seed)
    expect(requests, `seed ${seed}`).toBeGreaterThan(0)
    expect(counted, `seed ${seed}`).toBe(requests)
  }
})

const series = (...values: readonly number[]): Series => ({
  labels: { __name__: 'x', pod: 'a' },
  samples: values.map((value, index) => ({ at: (index + 1) * 1000, value })),
})
const by = (known: readonly Series[], now: Series) => {
  const before = growth(new Map(), known)
  return growth(before.kind === 'grown' ? before.lines : new Map(), [now])
}

describe('one series', () => {
  test('that was not there counts from 0', () => {
    expect(growth(new Map(), [series(37)])).toMatchObject({ kind: 'grown', grown: [{ by: 37 }], fresh: true })
  })

  test('that restarted between two looks is seen to, where its first and last sample would hide it', () => {
    expect(by([series(10)], series(10, 2, 30))).toMatchObject({ grown: [{ by: 30 }] })
  })

  test('without a new sample counts nothing and is not fresh', () => {
    expect(by([series(10)], series(10))).toMatchObject({ grown: [{ by: 0 }], fresh: false })
  })

  test('that is no number is named', () => {
    expect(by([], series(Number.NaN))).toEqual({ kind: 'nan', text: 'x{pod="a"} is NaN' })
    expect(by([], series(Number.POSITIVE_INFINITY))).toMatchObject({ kind: 'nan' })
  })

  test('of many requests that falls by a few did not restart', () => {
    expect(by([series(100_000)], series(100_000, 99_990))).toMatchObject({
      kind: 'unreliable',
      text: expect.stringContaining('several Prometheus servers'),
    })
    expect(by([series(100_000)], series(100_000, 40))).toMatchObject({ grown: [{ by: 40 }] })
  })
})

test('how often the series are scraped is the median of their gaps', () => {
  expect(spacing([series(1, 2, 3, 4)])).toBe(1000)
  expect(spacing([series(1)])).toBeUndefined()
})
