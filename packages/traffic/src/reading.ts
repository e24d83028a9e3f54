import { Fault } from '@sluice/kit/faults'
import type { Finding } from '@sluice/kit/report'
import { agreed } from './objects.ts'
import type { RouteAcceptance, RouteReading, Split } from './router.ts'

/**
 * What one object of rules asks for: the canary's percent and the copied percent in each of the release's rules, whether a tester's rule of ours stands.
 * `baselines`: a fresh baseline's percent in each; absent: the release has none.
 */
export type RulesReading = {
  readonly weights: readonly number[]
  readonly baselines?: readonly number[]
  readonly mirrors: readonly number[]
  readonly tested: boolean
  readonly marked: boolean
}

/** Several objects' rules as one reading. Those that disagree give numbers that are no whole percent, so that none is taken for what was asked. */
export const readTogether = (readings: readonly RulesReading[]): RouteReading => {
  const read = agreed(
    readings.flatMap(({ weights }) => weights),
    readings.some(({ marked }) => marked),
  )
  const baseline = agreed(
    readings.flatMap(({ baselines = [] }) => baselines),
    read.marked,
  )
  const mirrors = readings.flatMap((reading) => reading.mirrors)
  const mirrored = Math.max(0, ...mirrors)
  const uneven = mirrors.some((percent) => percent !== mirrored)
  // A tester's rule that outlived its split still sends the canary something.
  const lone = read.written === 0 && mirrored === 0 && readings.some(({ tested }) => tested)
  const texts = [
    ...(read.text === undefined ? [] : [read.text]),
    ...(baseline.text === undefined ? [] : [`the fresh baseline: ${baseline.text}`]),
    ...(uneven ? [`the rules mirror unevenly: ${mirrors.map((percent) => `${percent} %`).join(', ')}`] : []),
    ...(lone ? ['a rule still sends the tester to the canary'] : []),
  ]
  return {
    written: lone ? 0.5 : read.written,
    marked: read.marked,
    ...(mirrored === 0 ? {} : { mirrored: uneven ? Math.ceil(mirrored) - 0.5 : mirrored }),
    ...(baseline.written === 0 ? {} : { baseline: baseline.written }),
    ...(texts.length === 0 ? {} : { text: texts.join('; ') }),
  }
}

/** Accepted when every object is; what is known of each is said. */
export const acceptedByAll = (answers: readonly RouteAcceptance[]): RouteAcceptance => {
  const texts = answers.flatMap(({ text }) => (text === undefined ? [] : [text]))
  return { accepted: answers.every((one) => one.accepted), ...(texts.length === 0 ? {} : { text: texts.join('; ') }) }
}

/** Whether a split sends the canary nobody's requests and no copy of one: no tester's either. */
export const isNothing = ({ weight, mirror = 0 }: Split): boolean => weight === 0 && mirror === 0

/** @throws Fault('input') when a finding says that nothing may be touched */
export const refuseWrong = (findings: readonly Finding[]): void => {
  const wrong = findings.filter(({ level }) => level === 'error')
  if (wrong.length > 0) throw new Fault('input', wrong.map(({ text }) => text).join('\n  '), wrong[0]?.hint)
}
