import { parseDuration } from '@sluice/kit/fields'
import { type Fields, type Found, fields, list } from './found.ts'

/**
 * What the keys of one plan say of each other: weights that rise, copies before them, a guard's times.
 * @param path of the plan
 * @param general the plan whose keys this one replaces
 */
export const planFindings = (given: unknown, path: readonly PropertyKey[], general: unknown = {}): readonly Found[] => {
  const plan = fields(given)
  return [
    ...stepFindings(list(plan.steps).map(fields), [...path, 'steps']),
    ...(plan.guard === undefined
      ? []
      : guardFindings(fields(plan.guard), [...path, 'guard'], plan.lease ?? fields(general).lease)),
  ]
}

const stepFindings = (steps: readonly Fields[], path: readonly PropertyKey[]): readonly Found[] => {
  const first = steps.findIndex(({ weight }) => weight !== undefined)
  const late = steps.findIndex(({ mirror }, index) => mirror !== undefined && first >= 0 && index > first)
  const weights = steps.flatMap(({ weight }, index) => (weight === undefined ? [] : [{ weight, index }]))
  const falls = weights.find(
    ({ weight }, n) => typeof weight === 'number' && n > 0 && weight <= Number(weights[n - 1]?.weight),
  )
  return [
    ...(falls === undefined
      ? []
      : [
          {
            path: [...path, falls.index, 'weight'],
            text: `steps must rise in weight; they are ${weights.map(({ weight }) => weight).join(', ')}`,
          },
        ]),
    ...(late < 0
      ? []
      : [
          {
            path: [...path, late, 'mirror'],
            text: 'steps that mirror come before the first one with a weight, which would fall to 0 again',
          },
        ]),
    ...(steps.length > 0 && steps.every(({ mirror, weight }) => mirror !== undefined && weight === undefined)
      ? [
          {
            path,
            text: 'only copy requests; a canary needs at least one with a weight, such as { weight: 5, hold: 10m }',
          },
        ]
      : []),
  ]
}

/** A CronJob says minutes of an hour; nobody is dead before the Lease says so. The defaults are those of canary-promote. */
const guardFindings = (
  { every = '1m', after = '3m' }: Fields,
  path: readonly PropertyKey[],
  lease: unknown = '60s',
): readonly Found[] => {
  const [pause, patience, claim] = [every, after, lease].map((time) =>
    typeof time === 'string' ? parseDuration(time) : undefined,
  )
  const minutes = (pause ?? MINUTE) / MINUTE
  return [
    ...(Number.isInteger(minutes) && minutes >= 1 && minutes <= 30 && 60 % minutes === 0
      ? []
      : [
          {
            path: [...path, 'every'],
            text: `must be whole minutes that an hour is made of, from 1m to 30m, not ${every}`,
          },
        ]),
    ...(patience === undefined || claim === undefined || patience >= claim
      ? []
      : [{ path: [...path, 'after'], text: `must be at least lease, ${lease}, not ${after}` }]),
  ]
}

const MINUTE = 60_000
