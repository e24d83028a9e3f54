import type { Json } from '../template.ts'
import { toData } from './data.ts'
import { valueFrom } from './expression.ts'

/** One job of a matrix: its `matrix` context and what its default name shows in brackets. */
export type Configuration = {
  readonly matrix: Readonly<Record<string, Json>>
  readonly segments: readonly string[]
}

/** A matrix made into jobs, or why GitHub refuses it. */
export type Expansion =
  | { readonly kind: 'expanded'; readonly configurations: readonly Configuration[] }
  | { readonly kind: 'wrong'; readonly text: string }

/**
 * The jobs of an evaluated `strategy.matrix`: the product of its vectors in the order of their keys (the last one turns fastest), less what an
 * `exclude` matches, each with what the `include`s that match it add; an `include` that matches none is a job of its own, at the end.
 * What an `include` adds to a job does not show in the job's name. Values are compared as expressions compare them: without regard to case, `1` equal to `'1'`.
 * At most 256 jobs. All of them excluded: no configuration, and GitHub then runs the job once, with `matrix` null.
 * Source: `MatrixBuilder` of actions/runner (src/Sdk/WorkflowParser/Conversion); docs.github.com, "Workflow syntax", jobs.<job_id>.strategy.matrix.
 */
export const expandMatrix = (matrix: Json): Expansion => {
  if (!isMapping(matrix)) return wrong('A mapping was expected for the matrix')
  const { include = [], exclude = [], ...vectors } = matrix
  if (!isList(include) || !isList(exclude)) return wrong('A sequence was expected')
  const problem = problemIn(vectors, include, exclude)
  if (problem !== undefined) return wrong(problem)
  const jobs = product(vectors).filter((job) => !exclude.some((filter) => fits(filter, job)))
  const filters = include.filter(isMapping).map((item) => split(item, vectors))
  const used = new Set<number>()
  const extended = jobs.map((job) => {
    const matching = filters.flatMap((filter, index) => (fits(filter.filter, job) ? [{ ...filter, index }] : []))
    for (const { index } of matching) used.add(index)
    return {
      matrix: Object.assign({}, job, ...matching.map(({ extra }) => extra)),
      segments: leaves(job),
    }
  })
  const own = filters
    .filter((_, index) => !used.has(index))
    .map(({ filter, extra }) => ({
      matrix: { ...filter, ...extra },
      segments: leaves({ ...filter, ...extra }),
    }))
  const configurations = [...extended, ...own]
  return configurations.length > 256
    ? wrong(`The matrix makes ${configurations.length} jobs; at most 256 are allowed`)
    : { kind: 'expanded', configurations }
}

type Mapping = Readonly<Record<string, Json>>

const problemIn = (vectors: Mapping, include: readonly Json[], exclude: readonly Json[]): string | undefined => {
  for (const [name, vector] of Object.entries(vectors)) {
    if (!isList(vector)) return `A sequence was expected for the matrix vector '${name}'`
    if (vector.length === 0) return `Matrix vector '${name}' does not contain any values`
  }
  if (Object.keys(vectors).length === 0 && include.length === 0) return 'Matrix must define at least one vector'
  if ([...include, ...exclude].some((item) => !isMapping(item))) return 'A mapping was expected'
  if (include.some(isEmpty)) return 'Matrix include mapping does not contain any values'
  if (exclude.some(isEmpty)) return 'Matrix exclude filter must not be empty'
  const names = Object.keys(vectors).map((name) => name.toLowerCase())
  const stranger = exclude.flatMap((item) => Object.keys(item ?? {})).find((key) => !names.includes(key.toLowerCase()))
  return stranger && `Matrix exclude key '${stranger}' does not match any key within the matrix`
}

const product = (vectors: Mapping): readonly Mapping[] =>
  Object.entries(vectors).reduce<readonly Mapping[]>(
    (jobs, [name, vector]) =>
      isList(vector)
        ? (jobs.length === 0 ? [{}] : jobs).flatMap((job) => vector.map((value) => ({ ...job, [name]: value })))
        : jobs,
    [],
  )

const split = (item: Mapping, vectors: Mapping): { readonly filter: Mapping; readonly extra: Mapping } => {
  const names = Object.keys(vectors).map((name) => name.toLowerCase())
  const entries = Object.entries(item)
  const inVectors = ([key]: readonly [string, Json]) => names.includes(key.toLowerCase())
  return {
    filter: Object.fromEntries(entries.filter(inVectors)),
    extra: Object.fromEntries(entries.filter((entry) => !inVectors(entry))),
  }
}

/** Each leaf of the filter is compared with the value at its place, as `matrix['os']['name'] == 'linux'` would. */
const fits = (filter: Json, value: Json): boolean => {
  if (isList(filter)) return filter.every((item, index) => fits(item, isList(value) ? (value[index] ?? null) : null))
  if (isMapping(filter))
    return Object.entries(filter).every(([key, item]) => fits(item, isMapping(value) ? at(value, key) : null))
  const scope = {
    contexts: { value: { here: value, wanted: filter } },
    status: { success: true, failure: false, cancelled: false },
  }
  const equal = valueFrom('value.here == value.wanted', scope)
  return equal.kind === 'value' && equal.value === true
}

const at = (value: Mapping, key: string): Json =>
  Object.entries(value).find(([name]) => name.toLowerCase() === key.toLowerCase())?.[1] ?? null

const leaves = (value: Json): readonly string[] => {
  if (isList(value)) return value.flatMap(leaves)
  if (isMapping(value)) return Object.values(value).flatMap(leaves)
  const text = toData(value).coerceString()
  return text === '' ? [] : [text]
}

const isEmpty = (value: Json): boolean => isMapping(value) && Object.keys(value).length === 0
const isList = (value: Json | undefined): value is readonly Json[] => Array.isArray(value)
const isMapping = (value: Json | undefined): value is Mapping =>
  value !== null && typeof value === 'object' && !isList(value)
const wrong = (text: string): Expansion => ({ kind: 'wrong', text })
