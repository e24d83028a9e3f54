import { choice, field, optionalText, problem, text } from '@sluice/kit/fields'
import * as z from 'zod/mini'

const digest = field((given): string | undefined | ReturnType<typeof problem> => {
  const value = given.trim()
  if (value === '') return undefined
  return /^sha256:[0-9a-f]{64}$/.test(value)
    ? value
    : problem(`must be sha256: and 64 hexadecimal digits, as a registry gives it, not ${JSON.stringify(given)}`)
})

/** A path of the checkout, made plain: it stands in annotations, which GitHub matches by the repository's paths. */
const file = text.check(
  z.refine((path) => !/^[/~]|^[A-Za-z]:|\\|(^|\/)\.\.(\/|$)/.test(path), {
    error: 'must be a path inside the checkout, relative and with /',
  }),
)

/** The name of an event, as GitHub has them: `push`, `workflow_dispatch`. */
const event = field((given): string | undefined | ReturnType<typeof problem> => {
  const value = given.trim()
  if (value === '') return undefined
  return /^[a-z][a-z_]{0,49}$/.test(value)
    ? value
    : problem(`must be the name of an event, such as push, not ${JSON.stringify(given)}`)
})

/** Outside GitHub nobody fills in action.yml's default expression. */
const token = field((given) => (/^\$\{\{/.test(given.trim()) ? '' : given.trim()))

/** The keys are action.yml's. */
export const inputs = z.object({
  file,
  service: optionalText,
  digest,
  delivers: choice(['true', 'false']),
  event,
  token,
  'unenforced-approval': choice(['fail', 'warn']),
})
/** The inputs as they are read; `undefined` for what was left out, `token` empty for none. */
export type Inputs = z.output<typeof inputs>
