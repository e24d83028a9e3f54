import type { Kind } from './kinds.ts'
import { type Doc, type Fields, isFields, same } from './objects.ts'
import { entryKey, isAtomicMap, listShape } from './structure.ts'

/**
 * A set of fields as paths. A path is its elements as the API writes them (`f:spec`, `k:{"name":"a"}`, `v:"x"`, `.` for an entry or a map
 * itself) joined by a separator that cannot occur in them.
 * Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy
 */
export type FieldSet = ReadonlySet<string>

const SEPARATOR = '\u0000'
const UNOWNED = new Set(['apiVersion', 'kind'])
const UNOWNED_METADATA = new Set([
  'name',
  'namespace',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'managedFields',
  'generateName',
  'selfLink',
])

/** Every field that an object sets: leaves, atomic values, list entries; with the value at each. */
export const fieldsOf = (kind: Kind, object: Doc): ReadonlyMap<string, unknown> => {
  const found = new Map<string, unknown>()
  for (const [key, value] of Object.entries(object)) {
    if (UNOWNED.has(key) || value === undefined) continue
    if (key === 'metadata') {
      for (const [name, inner] of Object.entries(object.metadata)) {
        if (!UNOWNED_METADATA.has(name) && inner !== undefined) {
          walk(kind, inner, { elements: ['f:metadata', `f:${name}`], path: ['metadata', name] }, found)
        }
      }
    } else walk(kind, value, { elements: [`f:${key}`], path: [key] }, found)
  }
  return found
}

type Place = { readonly elements: readonly string[]; readonly path: readonly string[] }

const walk = (kind: Kind, value: unknown, place: Place, found: Map<string, unknown>): void => {
  const here = place.elements.join(SEPARATOR)
  if (Array.isArray(value)) {
    const shape = listShape(kind, place.path)
    if (shape === 'atomic' || value.length === 0) found.set(here, value)
    else if (shape === 'set') {
      for (const item of value) found.set([here, `v:${JSON.stringify(item)}`].join(SEPARATOR), item)
    } else {
      for (const entry of value) {
        if (!isFields(entry)) continue
        const elements = [...place.elements, `k:${JSON.stringify(entryKey(shape, entry))}`]
        found.set([...elements, '.'].join(SEPARATOR), null)
        for (const [key, inner] of Object.entries(entry)) {
          walk(kind, inner, { elements: [...elements, `f:${key}`], path: [...place.path, key] }, found)
        }
      }
    }
  } else if (isFields(value) && Object.keys(value).length > 0 && !isAtomicMap(kind, place.path)) {
    for (const [key, inner] of Object.entries(value)) {
      if (inner !== undefined) {
        walk(kind, inner, { elements: [...place.elements, `f:${key}`], path: [...place.path, key] }, found)
      }
    }
  } else found.set(here, value)
}

/** The fields that differ between two objects: set anew or changed, and those no longer there. */
export const changedFields = (
  kind: Kind,
  before: Doc | undefined,
  after: Doc,
): { changed: FieldSet; removed: FieldSet } => {
  const old = before === undefined ? new Map<string, unknown>() : fieldsOf(kind, before)
  const now = fieldsOf(kind, after)
  return {
    changed: new Set(
      [...now].filter(([path, value]) => !old.has(path) || !same(old.get(path), value)).map(([path]) => path),
    ),
    removed: new Set([...old.keys()].filter((path) => !now.has(path))),
  }
}

/** A field set as the API's `fieldsV1`. */
export const written = (set: FieldSet): Fields => {
  const root: Fields = {}
  for (const path of [...set].sort()) {
    let at = root
    for (const element of path.split(SEPARATOR)) {
      const next = at[element]
      if (isFields(next)) at = next
      else {
        const made: Fields = {}
        at[element] = made
        at = made
      }
    }
  }
  return root
}

/** The field set that a `fieldsV1` says. */
export const read = (fields: Fields, before: readonly string[] = []): FieldSet => {
  const entries = Object.entries(fields)
  return new Set(
    entries.flatMap(([element, inner]) => {
      const elements = [...before, element]
      if (!isFields(inner) || Object.keys(inner).length === 0) return [elements.join(SEPARATOR)]
      return [...read(inner, elements)]
    }),
  )
}

/** A path as conflict messages name it: `.spec.template.spec.containers[name="a"].image`. */
export const fieldName = (path: string): string =>
  path
    .split(SEPARATOR)
    .filter((element) => element !== '.')
    .map((element) => {
      if (element.startsWith('f:')) return `.${element.slice(2)}`
      if (element.startsWith('v:')) return `[=${element.slice(2)}]`
      const key = JSON.parse(element.slice(2)) as Record<string, unknown>
      return `[${Object.entries(key)
        .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
        .join(',')}]`
    })
    .join('')

/** Whether a field set names this path or anything below it. */
export const covers = (set: FieldSet, path: string): boolean =>
  set.has(path) || [...set].some((other) => other.startsWith(path + SEPARATOR))
