import { choice, field, optionalText, text } from '@sluice/kit/fields'
import * as z from 'zod/mini'

/** Names, separated by commas or lines; none: all checks. */
const names = field((value): readonly string[] =>
  value
    .split(/[,\n]/)
    .map((name) => name.trim())
    .filter((name) => name !== ''),
)

/** The keys are action.yml's. */
export const inputs = z.object({
  file: text,
  service: optionalText,
  only: names,
  'on-nothing-to-check': choice(['pass', 'fail']),
})

/** The inputs as they are read; `undefined` for what was left out. */
export type Inputs = z.output<typeof inputs>
