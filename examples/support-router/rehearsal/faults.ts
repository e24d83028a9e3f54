import type { Classify } from '../src/start.ts'

/**
 * What a release can be made to do wrong, in production only:
 * `errors` a share of the requests fails, `latency` a share is slow, `crash` the process exits after some requests,
 * `hang` requests are accepted and never answered, `never-ready` the readiness probe never passes.
 */
export const FAULTS = ['none', 'errors', 'latency', 'crash', 'hang', 'never-ready'] as const

/** The name of one of them. */
export type FaultName = (typeof FAULTS)[number]

/** `rate` is a share of requests from 0 to 1; for `crash`, the chance of each request to be the last. */
export type Setting = { readonly fault: FaultName; readonly rate: number }

/** The clock, the lots and the door, given from outside so that a test can hold them. */
export type Surroundings = {
  /** A number in [0, 1) for this text: always the same one, so that a rehearsal with the same seed fails the same requests. */
  draw(text: string): number
  sleep(milliseconds: number): Promise<void>
  exit(): void
  /** True while the dependency that stable and canary share is out. */
  outage(): boolean
}

/** How slow a slow request is, ms. */
export const SLOW = 900

/** The share of requests, 0 to 1, that an outage of the shared dependency fails. */
export const OUTAGE_SHARE = 0.5

/** From the environment: FAULT, FAULT_RATE, and ENVIRONMENT, without which (or in any other than production) nothing is wrong. */
export const readSetting = (env: Readonly<Record<string, string | undefined>>): Setting => {
  const fault = FAULTS.find((name) => name === (env.FAULT ?? 'none'))
  if (fault === undefined) throw new Error(`FAULT must be one of ${FAULTS.join(', ')}, not "${env.FAULT}"`)
  if (env.ENVIRONMENT !== 'production') return { fault: 'none', rate: 0 }
  const rate = Number(env.FAULT_RATE ?? DEFAULT_RATE[fault])
  if (!(rate >= 0 && rate <= 1)) throw new Error(`FAULT_RATE must be from 0 to 1, not "${env.FAULT_RATE}"`)
  return { fault, rate }
}

const DEFAULT_RATE: Readonly<Record<FaultName, number>> = {
  none: 0,
  errors: 0.2,
  latency: 0.5,
  crash: 0.1,
  hang: 1,
  'never-ready': 1,
}

/** Puts the fault, and the outage of the shared dependency, in front of the model. */
export const faulty =
  ({ fault, rate }: Setting, surroundings: Surroundings) =>
  (inner: Classify): Classify =>
  async (text) => {
    if (surroundings.outage() && surroundings.draw(`outage: ${text}`) < OUTAGE_SHARE)
      throw new Error('The customer directory is out')
    const strikes = fault !== 'none' && fault !== 'never-ready' && surroundings.draw(text) < rate
    if (!strikes) return inner(text)
    if (fault === 'errors') throw new Error('Rehearsed fault: this release fails some requests')
    if (fault === 'hang') return new Promise<never>(() => {})
    if (fault === 'crash') surroundings.exit()
    else await surroundings.sleep(SLOW)
    return inner(text)
  }
