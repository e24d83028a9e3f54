import { field, problem } from '@sluice/kit/fields'
import * as z from 'zod/mini'
import { type Needs, type Planned, readNeeds, readPlan } from './needs.ts'

const needs = field((text): Needs | ReturnType<typeof problem> => {
  const read = readNeeds(text)
  return 'problem' in read ? problem(read.problem) : read.value
})

const plan = field((text): Planned | undefined | ReturnType<typeof problem> => {
  if (text.trim() === '') return undefined
  const read = readPlan(text)
  return 'problem' in read ? problem(read.problem) : read.value
})

const digest = field((text): `sha256:${string}` | undefined | ReturnType<typeof problem> => {
  if (text.trim() === '') return undefined
  if (/^sha256:[0-9a-f]{64}$/.test(text.trim())) return text.trim() as `sha256:${string}`
  return problem(`must be sha256: and 64 hexadecimal digits, not ${JSON.stringify(text.slice(0, 100))}`)
})

/** The keys are action.yml's. */
export const inputs = z.object({ needs, plan, digest })

/** The inputs as they are read; `undefined` for a plan or digest that is empty. */
export type Inputs = z.output<typeof inputs>
