import type { ReleaseRecord } from '@sluice/release/record'

const SCHEMA: ReleaseRecord['schema'] = 'sluice.dev/release/v1'
const FIELDS = [
  'schema',
  'writer',
  'epoch',
  'owner',
  'plan',
  'state',
  'stable',
  'canary',
  'stableReplicas',
  'touched',
  'evidence',
  'startedAt',
  'deadline',
  'history',
] as const satisfies readonly (keyof ReleaseRecord)[]

/** Fields that a record may lack. */
const OPTIONAL = ['foreign', 'overruled'] as const satisfies readonly (keyof ReleaseRecord)[]

/** A record as the data of its ConfigMap: one key per field, each JSON, so that `kubectl describe` shows it and a field can be read alone. */
export const toData = (record: ReleaseRecord): Readonly<Record<string, string>> =>
  Object.fromEntries(
    [...FIELDS, ...OPTIONAL].flatMap((field) =>
      record[field] === undefined ? [] : [[field, JSON.stringify(record[field])]],
    ),
  )

/** What a ConfigMap's data say: a record, one that a newer version wrote and that must be left alone, or nothing that can be read. */
export type Read =
  | { readonly kind: 'record'; readonly record: ReleaseRecord }
  | { readonly kind: 'newer'; readonly schema: string; readonly writer: string }
  | { readonly kind: 'unreadable'; readonly text: string }

/** The inverse of `toData`. Another schema is never read, whatever else the data hold. */
export const fromData = (data: Readonly<Record<string, string>>): Read => {
  const values: Record<string, unknown> = {}
  for (const [key, text] of Object.entries(data)) {
    try {
      values[key] = JSON.parse(text)
    } catch {
      return { kind: 'unreadable', text: `its key ${key} is not JSON` }
    }
  }
  if (values.schema !== SCHEMA) {
    if (typeof values.schema !== 'string') return { kind: 'unreadable', text: 'it has no key schema' }
    return { kind: 'newer', schema: values.schema, writer: String(values.writer ?? 'unknown') }
  }
  const missing = FIELDS.filter((field) => !(field in values))
  if (missing.length > 0) return { kind: 'unreadable', text: `it lacks ${missing.join(', ')}` }
  return { kind: 'record', record: values as unknown as ReleaseRecord }
}
