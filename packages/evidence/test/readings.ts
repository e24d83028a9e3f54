import type { PodReading, Scrape, Side } from '../src/reading.ts'

/** A pod's reading with one counter, `errors`. */
export const pod = (
  side: Side,
  name: string,
  [total, bad]: readonly [number, number],
  more: Partial<PodReading> = {},
): PodReading => ({
  side,
  pod: { name, uid: `uid-${name}` },
  containerId: `container-${name}`,
  restarts: 0,
  readAt: 0,
  counters: { errors: { total, bad } },
  gauges: {},
  ...more,
})

/** A read of pods as a metric source gives it. */
export const pods = (readings: readonly PodReading[], missing: readonly string[] = []) =>
  ({ kind: 'pods', readings, missing }) as const satisfies Scrape
