import { apiVersionOf, type Kind } from './kinds.ts'
import { type Doc, type Fields, isFields, type Json, type ManagedFields, same, timestamp } from './objects.ts'
import { changedFields, covers, type FieldSet, fieldName, fieldsOf, read, written } from './ownership.ts'
import { type Cause, type Refusal, refuse } from './refusals.ts'
import { entryKey, isAtomicMap, listShape } from './structure.ts'

/** Who applies, when (ms UTC) and how: what becomes an entry of `managedFields`. */
export type Applied = {
  readonly manager: string
  readonly force: boolean
  readonly now: number
  readonly subresource?: string
}

/**
 * Server-side apply: `live` with the fields of `wanted` merged in, fields that this manager applied before and no longer names removed
 * (unless another manager owns them too), and `managedFields` brought up to date. A field that another manager owns with another
 * value is a 409 that names each, unless `force`.
 * https://kubernetes.io/docs/reference/using-api/server-side-apply/
 */
export const applied = (kind: Kind, live: Doc, wanted: Doc, by: Applied): Doc | Refusal => {
  const managers = live.metadata.managedFields ?? []
  const mine = (entry: ManagedFields): boolean =>
    entry.manager === by.manager && entry.operation === 'Apply' && entry.subresource === by.subresource
  const claim = fieldsOf(kind, wanted)
  const held = fieldsOf(kind, live)
  const contested = [...claim]
    .filter(([path, value]) => !held.has(path) || !same(held.get(path), value))
    .map(([path]) => path)
  const conflicts: { entry: ManagedFields; path: string }[] = managers
    .filter((entry) => !mine(entry))
    .flatMap((entry) => {
      const set = read(entry.fieldsV1)
      return contested.filter((path) => set.has(path)).map((path) => ({ entry, path }))
    })
  if (conflicts.length > 0 && !by.force) return contestedBy(conflicts)
  const others = managers.filter((entry) => !mine(entry))
  const before = managers.find(mine)
  const dropped =
    before === undefined ? [] : [...read(before.fieldsV1)].filter((path) => !covers(new Set(claim.keys()), path))
  const free = dropped.filter((path) => !others.some((entry) => covers(read(entry.fieldsV1), path)))
  let merged = merge(kind, live as unknown as Json, sparse(wanted), []) as unknown as Doc
  for (const path of byDepth(free)) merged = removed(kind, merged, path)
  const taken = new Set(conflicts.map((one) => one.path))
  const kept = others
    .map((entry) => ({
      ...entry,
      fieldsV1: written(new Set([...read(entry.fieldsV1)].filter((path) => !taken.has(path)))),
    }))
    .filter((entry) => Object.keys(entry.fieldsV1).length > 0)
  const fieldsV1 = written(new Set(claim.keys()))
  const entry: ManagedFields = {
    manager: by.manager,
    operation: 'Apply',
    apiVersion: apiVersionOf(kind),
    time: before !== undefined && same(before.fieldsV1, fieldsV1) ? before.time : timestamp(by.now),
    fieldsType: 'FieldsV1',
    fieldsV1,
    ...(by.subresource === undefined ? {} : { subresource: by.subresource }),
  }
  return { ...merged, metadata: { ...merged.metadata, managedFields: [entry, ...kept] } }
}

/** The managers of an object after a plain write: who changed a field owns it, alone. */
export const updated = (
  kind: Kind,
  before: Doc | undefined,
  after: Doc,
  by: Omit<Applied, 'force'>,
): ManagedFields[] => {
  const managers = before?.metadata.managedFields ?? []
  const { changed, removed: lost } = changedFields(kind, before, after)
  if (changed.size === 0 && lost.size === 0) return managers
  const mine = (entry: ManagedFields): boolean =>
    entry.manager === by.manager && entry.operation === 'Update' && entry.subresource === by.subresource
  const left = (set: FieldSet): FieldSet => new Set([...set].filter((path) => !changed.has(path) && !lost.has(path)))
  const others = managers
    .filter((entry) => !mine(entry))
    .map((entry) => ({ ...entry, fieldsV1: written(left(read(entry.fieldsV1))) }))
    .filter((entry) => Object.keys(entry.fieldsV1).length > 0)
  const own = managers.find(mine)
  const fields = new Set([...(own === undefined ? [] : left(read(own.fieldsV1))), ...changed])
  if (fields.size === 0) return others
  return [
    ...others,
    {
      manager: by.manager,
      operation: 'Update',
      apiVersion: apiVersionOf(kind),
      time: timestamp(by.now),
      fieldsType: 'FieldsV1',
      fieldsV1: written(fields),
      ...(by.subresource === undefined ? {} : { subresource: by.subresource }),
    },
  ]
}

const contestedBy = (conflicts: readonly { entry: ManagedFields; path: string }[]): Refusal => {
  const causes: Cause[] = conflicts.map(({ entry, path }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${managerText(entry)}`,
    field: fieldName(path),
  }))
  const byManager = new Map<string, string[]>()
  for (const { entry, path } of conflicts) {
    byManager.set(managerText(entry), [...(byManager.get(managerText(entry)) ?? []), `- ${fieldName(path)}`])
  }
  const list = [...byManager].map(([manager, fields]) => `conflicts with ${manager}:\n${fields.join('\n')}`).join('\n')
  const text =
    causes.length === 1
      ? `1 conflict: ${causes[0]?.message}: ${causes[0]?.field}`
      : `${causes.length} conflicts: ${list}`
  return refuse(409, 'Conflict', `Apply failed with ${text}`, { causes })
}

const managerText = (entry: ManagedFields): string => {
  const part = entry.subresource === undefined ? '' : ` with subresource "${entry.subresource}"`
  // An applier is one manager whatever version it wrote in; a plain writer is one for each version.
  return `"${entry.manager}"${part}${entry.operation === 'Update' ? ` using ${entry.apiVersion}` : ''}`
}

const sparse = (wanted: Doc): Json => {
  const { managedFields: _, ...metadata } = wanted.metadata
  return { ...wanted, metadata } as unknown as Json
}

const merge = (kind: Kind, live: Json | undefined, wanted: Json, path: readonly string[]): Json => {
  if (Array.isArray(wanted)) {
    const shape = listShape(kind, path)
    const before = Array.isArray(live) ? live : []
    if (shape === 'atomic') return wanted
    if (shape === 'set') return [...before, ...wanted.filter((item) => !before.some((other) => same(item, other)))]
    const keyed = (entry: Json): string => (isFields(entry) ? JSON.stringify(entryKey(shape, entry)) : '')
    const result = [...before]
    for (const entry of wanted) {
      const at = result.findIndex((other) => keyed(other) === keyed(entry))
      if (at < 0) result.push(entry)
      else result[at] = merge(kind, result[at], entry, path)
    }
    return result
  }
  if (!isFields(wanted) || isAtomicMap(kind, path)) return wanted
  const result: Fields = isFields(live) ? { ...live } : {}
  for (const [key, value] of Object.entries(wanted)) result[key] = merge(kind, result[key], value, [...path, key])
  return result
}

const byDepth = (paths: readonly string[]): readonly string[] =>
  [...paths].sort((a, b) => b.split('\u0000').length - a.split('\u0000').length)

const removed = (kind: Kind, object: Doc, path: string): Doc =>
  cut(kind, object as unknown as Json, path.split('\u0000'), []) as unknown as Doc

const cut = (kind: Kind, value: Json, elements: readonly string[], path: readonly string[]): Json => {
  const [first, ...rest] = elements
  if (first === undefined) return value
  if (isFields(value) && first.startsWith('f:')) {
    const key = first.slice(2)
    const inner = value[key]
    if (inner === undefined) return value
    const left = rest.length === 0 ? undefined : cut(kind, inner, rest, [...path, key])
    const gone = left === undefined || (isFields(left) && Object.keys(left).length === 0)
    return gone ? Object.fromEntries(Object.entries(value).filter(([name]) => name !== key)) : { ...value, [key]: left }
  }
  if (Array.isArray(value)) {
    const shape = listShape(kind, path)
    const matches = (entry: Json): boolean =>
      first.startsWith('v:')
        ? JSON.stringify(entry) === first.slice(2)
        : isFields(entry) &&
          shape !== 'atomic' &&
          shape !== 'set' &&
          JSON.stringify(entryKey(shape, entry)) === first.slice(2)
    if (rest.length === 0 || rest[0] === '.') return value.filter((entry) => !matches(entry))
    return value.map((entry) => (matches(entry) ? cut(kind, entry, rest, path) : entry))
  }
  return value
}
