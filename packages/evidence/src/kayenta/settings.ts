import { type Mends, mendsOf } from './mends.ts'

/** How a canary is judged as a whole. Whatever is not named has the default that is said. */
export type KayentaSettings = {
  /** The score from which on it passes, 0 … 100. Default 95. */
  readonly pass?: number | undefined
  /** The score below which it fails, 0 … 100. Default 75. */
  readonly marginal?: number | undefined
  /** Percent by group, together at most 100; groups that are not named share what is left. */
  readonly groupWeights?: Readonly<Record<string, number>> | undefined
  /** The part of the estimated shift that the whole interval must lie beyond. Default 0.25. */
  readonly tolerance?: number | undefined
  /** Of the interval, 0 … 1. Default 0.98. */
  readonly confidence?: number | undefined
  /** The fewest values of a side that are judged. Default 5. */
  readonly least?: number | undefined
  /** Answers as the original does, faults included. Default false. */
  readonly compatible?: boolean | undefined
  /** Single mends that differ from that. */
  readonly mends?: Partial<Mends> | undefined
  /** Uniform numbers in [0, 1) for the noise of the original; needed where `constants` is not mended. */
  readonly random?: (() => number) | undefined
}

/** The settings that decide. */
export type Settled = {
  readonly pass: number
  readonly marginal: number
  readonly groupWeights: Readonly<Record<string, number>>
  readonly tolerance: number
  readonly confidence: number
  readonly least: number
  readonly mends: Mends
  readonly random: (() => number) | undefined
}

/** The defaults filled in. Without the mend `settings`, tolerance and confidence are the original's, whatever was asked for. */
export const settled = (settings: KayentaSettings = {}): Settled => {
  const mends = mendsOf(settings.compatible === true, settings.mends)
  return {
    pass: settings.pass ?? 95,
    marginal: settings.marginal ?? 75,
    groupWeights: settings.groupWeights ?? {},
    tolerance: mends.settings ? (settings.tolerance ?? TOLERANCE) : TOLERANCE,
    confidence: mends.settings ? (settings.confidence ?? CONFIDENCE) : CONFIDENCE,
    least: settings.least ?? 5,
    mends,
    random: settings.random,
  }
}

const TOLERANCE = 0.25
const CONFIDENCE = 0.98

/** What is wrong with the settings, a sentence each with the value and what to do; empty where nothing is. */
export const settingsProblems = (settings: KayentaSettings): readonly string[] => {
  const { pass, marginal, groupWeights, tolerance, confidence, least, mends } = {
    ...settled({ ...settings, mends: { ...settings.mends, settings: true } }),
    mends: settled(settings).mends,
  }
  const weights = Object.entries(groupWeights)
  const together = weights.reduce((sum, [, weight]) => sum + weight, 0)
  return [
    ...(within(marginal, 0, 100) && within(pass, marginal, 100)
      ? []
      : [`marginal is ${marginal} and pass ${pass}: take 0 ≤ marginal ≤ pass ≤ 100`]),
    ...weights
      .filter(([, weight]) => !(weight >= 0))
      .map(([group, weight]) => `groupWeights.${group} is ${weight}: take 0 or more`),
    ...(together > 100 ? [`groupWeights add up to ${together}: take at most 100`] : []),
    ...(tolerance >= 0 ? [] : [`tolerance is ${tolerance}: take 0 or more`]),
    ...(confidence > 0 && confidence < 1
      ? []
      : [`confidence is ${confidence}: take a number between 0 and 1, such as 0.98`]),
    ...(Number.isInteger(least) && least >= 1 ? [] : [`least is ${least}: take a whole number from 1 on`]),
    ...(mends.constants || settings.random !== undefined
      ? []
      : ['random is missing: the original adds noise to sides that are constant; pass a seeded generator']),
  ]
}

const within = (value: number, low: number, high: number): boolean => value >= low && value <= high
