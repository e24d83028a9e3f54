import * as core from '@actions/core'
import * as z from 'zod/mini'
import { Fault } from './faults.ts'

/**
 * Reads an action's inputs at once. The schema's keys are action.yml's keys, its fields come from `fields.ts`.
 * @param read gives an input's text, empty when it was left out; the runner's `INPUT_*` unless told otherwise
 * @param others problems found elsewhere (inputs that exclude each other, files), told with these
 * @throws Fault('input') with everything that is wrong, one a line, before anything is touched
 */
export const readInputs = <S extends z.ZodMiniObject>(
  schema: S,
  read: (name: string) => string = (name) => core.getInput(name),
  others: readonly string[] = [],
): z.output<S> => {
  const given = Object.fromEntries(Object.keys(schema.shape).map((name) => [name, read(name)]))
  const result = z.safeParse(schema, given)
  if (result.success && others.length === 0) return result.data
  const wrong = result.success ? [] : result.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`)
  const problems = [...wrong, ...others]
  const title = problems.length === 1 ? 'Invalid input' : `${problems.length} invalid inputs`
  throw new Fault('input', `${title}: ${problems.join('\n  ')}`)
}
