import type { Exceptions } from './ignore-file.ts'
import type { Entry } from './match.ts'
import { described } from './quote.ts'
import { type Fields, fieldsOf, known, readStatement, type Say, type Statement, timeOf } from './vex-statement.ts'

/** A document's text and the name of its file. */
export type VexFile = { readonly text: string; readonly where: string }

const DOCUMENT = [
  '$schema',
  '@context',
  '@id',
  'author',
  'role',
  'timestamp',
  'last_updated',
  'version',
  'tooling',
  'statements',
]

/**
 * Reads an OpenVEX document (0.2). Statements that say `not_affected` or `fixed` excuse; a later one that says `affected` or `under_investigation` revokes them for what it speaks of. An `exp:YYYY-MM-DD`
 * in `status_notes` ends one, since the format has no expiry. Source: https://github.com/openvex/spec/blob/main/OPENVEX-SPEC.md
 * @param where the file's name, for places
 * @param now a timestamp that is more than a day later is a problem
 */
export const readOpenVex = (text: string, where: string, now: Date): Exceptions<Entry> =>
  readOpenVexFiles([{ text, where }], now)

/** As `readOpenVex`, of several documents whose statements go on from one another: what one says, a later statement of another can revoke. */
export const readOpenVexFiles = (files: readonly VexFile[], now: Date): Exceptions<Entry> => {
  const problems: string[] = []
  const told = files.flatMap((file) =>
    readDocument(file, now.getTime(), (sentence) => problems.push(`${file.where}: ${sentence}`)),
  )
  // Of statements of the same time the one that stands last is the last.
  const history = told.toSorted((a, b) => a.statement.time - b.statement.time)
  return { exceptions: standing(history), problems }
}

/** `things`: what it is about, to be compared. */
type Told = { readonly statement: Statement; readonly where: string; readonly things: string }

const readDocument = ({ text, where }: VexFile, now: number, say: Say): readonly Told[] => {
  const fields = documentOf(text, say)
  if (fields === undefined) return []
  known(fields, DOCUMENT, say)
  const time = timeOf(fields, now, say)
  const statements = fields.get('statements')
  if (!Array.isArray(statements) || statements.length === 0) {
    say(`has no list of statements: ${described(statements)}`)
    return []
  }
  if (fields.get('timestamp') === undefined) say('has no timestamp')
  return statements.flatMap((value: unknown, index): readonly Told[] => {
    const place = `statement ${index + 1}`
    // Without a time of its document, that was said once, its own statements need none to be read.
    const statement = readStatement(value, { now, inherited: time ?? 0 }, (sentence) => say(`${place} ${sentence}`))
    if (statement === undefined) return []
    return [{ statement, where: `${where}, ${place}`, things: JSON.stringify(statement.scopes) }]
  })
}

const documentOf = (text: string, say: Say): Fields | undefined => {
  const source = text.replace(/^\ufeff/, '')
  if (source.trim() === '') return void say('is empty; an OpenVEX document is a JSON object')
  let value: unknown
  try {
    value = JSON.parse(source)
  } catch (thrown) {
    // The rest of what the parser says repeats what stands there.
    const line = /\(line (\d+) column \d+\)$/.exec(thrown instanceof Error ? thrown.message : '')?.[1]
    return void say(`is no JSON${line === undefined ? '' : ` (line ${line})`}`)
  }
  const fields = fieldsOf(value)
  const context = fields?.get('@context')
  if (fields !== undefined && typeof context === 'string' && CONTEXT.test(context)) return fields
  return void say(`is no OpenVEX 0.2 document: its @context is ${contextOf(context)}${foreign(fields)}`)
}

const CONTEXT = /^https:\/\/openvex\.dev\/ns(?:\/v0\.2\.\d+)?\/?$/

const contextOf = (context: unknown): string =>
  typeof context === 'string' && /^https:\/\/openvex\.dev\/ns\/v\d{1,3}(?:\.\d{1,3}){2}$/.test(context)
    ? `"${context}"`
    : described(context)

const foreign = (fields: Fields | undefined): string => {
  if (fields?.has('bomFormat')) return '; it is a CycloneDX document'
  if (fields?.get('document') !== undefined) return '; it looks like CSAF'
  if (fields?.has('payloadType') || fields?.has('predicateType'))
    return '; it is an attestation: give the document in it'
  return ''
}

/** The statements that excuse, oldest first, without those that a later one about the very same things takes the place of. */
const standing = (history: readonly Told[]): readonly Entry[] => {
  const groupOf = vulnerabilities(history)
  const groups = Map.groupBy(history, groupOf)
  return history.flatMap((told): readonly Entry[] => {
    const { statement, where } = told
    if (!statement.excuses) return []
    const group = groups.get(groupOf(told)) ?? []
    const later = group.slice(group.indexOf(told) + 1)
    if (later.some((each) => replaces(each, told))) return []
    const revoked = later.flatMap((each) => (each.statement.excuses ? [] : each.statement.scopes))
    return [entryOf(statement, where, revoked)]
  })
}

const replaces = (later: Told, earlier: Told): boolean =>
  later.things === earlier.things &&
  (!later.statement.excuses || earlier.statement.names.every((name) => later.statement.names.includes(name)))

/** By which of its names a vulnerability is called: statements that share a name, or are linked by one that shares a name with each, are about the same. */
const vulnerabilities = (history: readonly Told[]): ((told: Told) => string) => {
  const parents = new Map<string, string>()
  const root = (name: string): string => {
    let at = name
    for (let next = parents.get(at); next !== undefined; next = parents.get(at)) {
      const beyond = parents.get(next)
      if (beyond !== undefined) parents.set(at, beyond)
      at = next
    }
    return at
  }
  for (const { statement } of history) {
    for (const name of statement.names) {
      const [one, other] = [root(name), root(statement.names[0])]
      if (one !== other) parents.set(one, other)
    }
  }
  return ({ statement }) => root(statement.names[0])
}

const entryOf = ({ names, scopes, reason, expires }: Statement, where: string, revoked: Entry['revoked']): Entry => {
  const [id, ...aliases] = names
  const purls = [...new Set(scopes.flatMap((scope) => scope.purls ?? scope.product ?? []))]
  return {
    id,
    source: 'openvex',
    where,
    kinds: ['vulnerability'],
    purls,
    scopes,
    ...(aliases.length > 0 && { aliases }),
    ...(revoked !== undefined && revoked.length > 0 && { revoked }),
    ...(reason !== undefined && { reason }),
    ...(expires !== undefined && { expires }),
  }
}
