import { data } from '@actions/expressions'
import type { Json } from '../template.ts'

/** Makes the evaluator's data of JSON. Keys are looked up without regard to case, as GitHub does. */
export const toData = (value: Json): data.ExpressionData => {
  if (value === null) return new data.Null()
  if (typeof value === 'string') return new data.StringData(value)
  if (typeof value === 'number') return new data.NumberData(value)
  if (typeof value === 'boolean') return new data.BooleanData(value)
  if (isList(value)) return new data.Array(...value.map(toData))
  return dictionary(Object.entries(value).map(([key, item]) => [key, toData(item)] as const))
}

/** Makes the evaluator's data of a context. `env` tells `a` and `A` apart, as the runner's does on everything but Windows. */
export const contextData = (name: string, value: Json): data.ExpressionData =>
  name.toLowerCase() === 'env' && value !== null && typeof value === 'object' && !isList(value)
    ? dictionary(
        Object.entries(value).map(([key, item]) => [key, toData(item)] as const),
        (key) => key,
      )
    : toData(value)

/** A dictionary of the evaluator. Its own loses keys such as `constructor`, so that look-ups are ours. `fold` says which keys are the same; of those the first stays. */
export const dictionary = (
  entries: readonly (readonly [string, data.ExpressionData])[],
  fold: (key: string) => string = (key) => key.toLowerCase(),
): data.Dictionary => {
  const held = new Map<string, { readonly key: string; readonly value: data.ExpressionData }>()
  for (const [key, value] of entries) if (!held.has(fold(key))) held.set(fold(key), { key, value })
  return Object.assign(new data.Dictionary(), {
    get: (key: string) => held.get(fold(key))?.value,
    values: () => [...held.values()].map(({ value }) => value),
    pairs: () => [...held.values()],
  })
}

/** Makes JSON of what the evaluator gave. */
export const fromData = (value: data.ExpressionData): Json => {
  if (value instanceof data.StringData || value instanceof data.NumberData || value instanceof data.BooleanData)
    return value.value
  if (value instanceof data.Array) return value.values().map(fromData)
  if (value instanceof data.Dictionary)
    return Object.fromEntries(value.pairs().map((pair) => [pair.key, fromData(pair.value)]))
  return null
}

/** What a value is as text: `true`, `1.5`, empty for null, `Object` and `Array` for what has parts. */
export const text = (value: data.ExpressionData): string => value.coerceString()

const isList = (value: Json): value is readonly Json[] => Array.isArray(value)
