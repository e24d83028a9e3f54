import jsonpatch from 'fast-json-patch'
import type { Kind } from './kinds.ts'
import { copy, type Doc, type Fields, isFields, type Json, same } from './objects.ts'
import { badRequest, type Refusal, refuse } from './refusals.ts'
import { listShape } from './structure.ts'

/**
 * The object after a JSON Patch (RFC 6902). A patch that does not fit, a failing `test` among them, is 422 with the text that the API
 * server gives; one that is no patch at all is 400.
 */
export const jsonPatched = (object: Doc, patch: unknown): Doc | Refusal => {
  const wrong = jsonpatch.validate(Array.isArray(patch) ? patch : [null])
  if (!Array.isArray(patch) || wrong !== undefined) {
    return badRequest(
      `error decoding patch: ${Array.isArray(patch) ? (wrong?.message.split('\n')[0] ?? '') : 'json: cannot unmarshal object into Go value of type jsonpatch.Patch'}`,
    )
  }
  try {
    return jsonpatch.applyPatch(copy(object), patch, true).newDocument
  } catch {
    return refuse(422, 'Invalid', 'the server rejected our request due to an error in our request', {})
  }
}

/** The value after a JSON Merge Patch (RFC 7386): maps merge, `null` removes, everything else replaces. */
export const mergePatched = (target: unknown, patch: Json): Json => {
  if (!isFields(patch)) return patch
  const merged: Fields = isFields(target) ? { ...target } : {}
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key]
    else merged[key] = mergePatched(merged[key], value)
  }
  return merged
}

/**
 * The value after a strategic merge patch: like a merge patch, but lists that have a merge key are merged entry by entry.
 * `$patch: delete | replace` and `$retainKeys` are honoured, the ordering hint `$setElementOrder` is not.
 * https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md
 */
export const strategicPatched = (kind: Kind, target: unknown, patch: Json, path: readonly string[] = []): Json => {
  if (!isFields(patch)) return patch
  if (patch.$patch === 'replace') return without(patch, '$patch')
  const retained = patch.$retainKeys
  let merged: Fields = isFields(target) ? { ...target } : {}
  if (Array.isArray(retained)) {
    merged = Object.fromEntries(Object.entries(merged).filter(([key]) => retained.includes(key)))
  }
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith('$')) {
      const removed = /^\$deleteFromPrimitiveList\/(.+)$/.exec(key)?.[1]
      const list = removed === undefined ? undefined : merged[removed]
      if (removed !== undefined && Array.isArray(list) && Array.isArray(value)) {
        merged[removed] = list.filter((item) => !value.includes(item))
      }
      continue
    }
    if (value === null) delete merged[key]
    else if (Array.isArray(value)) merged[key] = mergedList(kind, merged[key], value, [...path, key])
    else merged[key] = strategicPatched(kind, merged[key], value, [...path, key])
  }
  return merged
}

const mergedList = (kind: Kind, target: Json | undefined, patch: Json[], path: readonly string[]): Json => {
  const shape = listShape(kind, path)
  const before = Array.isArray(target) ? target : []
  if (shape === 'atomic') return patch
  if (shape === 'set') return [...before, ...patch.filter((item) => !before.some((other) => same(item, other)))]
  // The strategic merge key is a single field, the first of the keys that server-side apply uses.
  const key = shape[0] ?? 'name'
  if (patch.some((entry) => isFields(entry) && entry.$patch === 'replace')) {
    return patch.filter((entry) => !(isFields(entry) && entry.$patch === 'replace'))
  }
  const merged = [...before]
  for (const entry of patch) {
    if (!isFields(entry)) continue
    const at = merged.findIndex((other) => isFields(other) && same(other[key], entry[key]))
    if (entry.$patch === 'delete') {
      if (at >= 0) merged.splice(at, 1)
    } else if (at < 0) merged.push(strategicPatched(kind, {}, entry, path))
    else merged[at] = strategicPatched(kind, merged[at], entry, path)
  }
  return merged
}

const without = (fields: Fields, key: string): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([name]) => name !== key))
