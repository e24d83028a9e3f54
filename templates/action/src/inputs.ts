import { choice, count, text } from '@sluice/kit/fields'
import * as z from 'zod/mini'

/** action.yml's inputs, from text to typed values. */
export const inputs = z.object({
  path: text,
  'max-bytes': count(1),
  'on-nothing-to-check': choice(['fail', 'pass']),
})

/** The inputs, read. */
export type Inputs = z.output<typeof inputs>
