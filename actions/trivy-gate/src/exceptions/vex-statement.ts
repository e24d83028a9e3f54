import { expiryIn, momentOf } from './dates.ts'
import { idProblem } from './id.ts'
import type { Scope } from './match.ts'
import { parsePurl } from './purl.ts'
import { described, unknownWord } from './quote.ts'

/** A VEX statement. `time`: when it was known to be true, in milliseconds since 1970. `expires`: the day an `exp:` in its notes gives. */
export type Statement = {
  readonly names: readonly [string, ...string[]]
  readonly excuses: boolean
  readonly time: number
  readonly scopes: readonly Scope[]
  readonly reason?: string
  readonly expires?: string
}

/** Notes a problem, as the end of a sentence that begins with the statement's place. */
export type Say = (sentence: string) => void

/** When it is, and the document's own time, for a statement without one; both in milliseconds since 1970. */
export type Times = { readonly now: number; readonly inherited?: number | undefined }

/** What a JSON object holds, by its own keys. */
export type Fields = ReadonlyMap<string, unknown>

const STATUSES = ['not_affected', 'affected', 'fixed', 'under_investigation']
const JUSTIFICATIONS = [
  'component_not_present',
  'vulnerable_code_not_present',
  'vulnerable_code_not_in_execute_path',
  'vulnerable_code_cannot_be_controlled_by_adversary',
  'inline_mitigations_already_exist',
]
const STATEMENT = [
  ...['@id', 'version', 'vulnerability', 'timestamp', 'last_updated', 'products', 'status', 'supplier'],
  ...['status_notes', 'justification', 'impact_statement', 'action_statement', 'action_statement_timestamp'],
]
const VULNERABILITY = ['@id', 'name', 'description', 'aliases']
const COMPONENT = ['@id', 'identifiers', 'hashes', 'supplier']
const PRODUCT = [...COMPONENT, 'subcomponents']

/** Reads one statement of an OpenVEX document; `undefined` where something is wrong with it, each thing said. */
export const readStatement = (value: unknown, { now, inherited }: Times, say: Say): Statement | undefined => {
  let problems = 0
  const note: Say = (sentence) => {
    problems++
    say(sentence)
  }
  const fields = fieldsOf(value)
  if (fields === undefined) return void note('is no object')
  known(fields, STATEMENT, note)
  const names = namesIn(fields.get('vulnerability'), note)
  const time = timeOf(fields, now, note) ?? inherited
  const status = fields.get('status')
  if (typeof status !== 'string') note(`has no status; known: ${STATUSES.join(', ')}`)
  else if (!STATUSES.includes(status)) note(`has an ${unknownWord('status', status, STATUSES)}`)
  const justification = textOf(fields, 'justification', note)
  if (justification !== undefined && !JUSTIFICATIONS.includes(justification))
    note(`has an ${unknownWord('justification', justification, JUSTIFICATIONS)}`)
  const impact = textOf(fields, 'impact_statement', note)
  if (status === 'not_affected' && justification === undefined && impact === undefined)
    note('says not_affected and not why: it needs a justification or an impact_statement')
  const { rest, day, problem } = expiryIn(textOf(fields, 'status_notes', note) ?? '')
  if (problem !== undefined) note(`has status_notes with ${problem}`)
  const excuses = status === 'not_affected' || status === 'fixed'
  const scopes = scopesOf(fields, excuses, note)
  if (problems > 0 || names === undefined || time === undefined) return undefined
  const reason = [justification, impact, rest].filter((each) => each !== undefined && each !== '').join(': ')
  return {
    names,
    excuses,
    time,
    scopes,
    ...(reason !== '' && { reason }),
    ...(day !== undefined && { expires: day }),
  }
}

/** The point in time a document or a statement gives. One that cannot be read is said, and one that is yet to come: no later statement could revoke what was said then. */
export const timeOf = (fields: Fields, now: number, say: Say): number | undefined => {
  const value = fields.get('timestamp')
  if (value === undefined) return undefined
  const time = typeof value === 'string' ? momentOf(value) : undefined
  if (time === undefined) say('has a timestamp that is none (RFC 3339 with an offset)')
  // Clocks differ, by hours where somebody mistook the offset.
  else if (!(time - now <= DAY)) say('has a timestamp that is yet to come')
  return time
}

const DAY = 86_400_000

/** A JSON object's own fields; `undefined` for what is no object. */
export const fieldsOf = (value: unknown): Fields | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? new Map(Object.entries(value)) : undefined

/** Says each key that is not known. */
export const known = (fields: Fields, keys: readonly string[], say: Say): void => {
  for (const key of fields.keys()) if (!keys.includes(key)) say(`has an ${unknownWord('key', key, keys)}`)
}

const textOf = (fields: Fields, key: string, say: Say): string | undefined => {
  const value = fields.get(key)
  if (value === undefined) return undefined
  if (typeof value !== 'string') return void say(`has a ${key} that is no text: ${described(value)}`)
  const text = value.trim().replace(/\s+/g, ' ')
  return text === '' ? undefined : text
}

const namesIn = (value: unknown, say: Say): Statement['names'] | undefined => {
  const fields = fieldsOf(value)
  if (fields === undefined) return void say(`needs a vulnerability with a name, not ${described(value)}`)
  known(fields, VULNERABILITY, (sentence) => say(`has a vulnerability that ${sentence}`))
  const [name, given] = [fields.get('name'), fields.get('aliases') ?? []]
  if (typeof name !== 'string') return void say('has a vulnerability without a name')
  const aliases: readonly unknown[] = Array.isArray(given) ? given : [given]
  const names = [name, ...aliases.filter((alias) => typeof alias === 'string')]
  if (names.length <= aliases.length || !Array.isArray(given)) return void say('has aliases that are no list of texts')
  const bad = names.map(idProblem).find((problem) => problem !== undefined)
  return bad === undefined ? [name, ...new Set(names.slice(1))] : void say(`has a vulnerability that ${bad}`)
}

const scopesOf = (fields: Fields, excuses: boolean, say: Say): readonly Scope[] => {
  const products = listOf(fields, 'products', say)
  if (products === undefined) return []
  if (products.length === 0) say('names no product: it would hold for whatever was scanned')
  return products.flatMap((value, index): readonly Scope[] => {
    const inside: Say = (sentence) => say(`has a product (${index + 1}) that ${sentence}`)
    const product = fieldsOf(value)
    if (product === undefined) {
      inside(`is no object with @id or identifiers: ${described(value)}`)
      return []
    }
    known(product, PRODUCT, inside)
    const names = identifiersOf(product, inside)
    const { purls, unnamed } = subcomponentsOf(product, inside)
    return (names.length === 0 ? [undefined] : names).flatMap((name): readonly Scope[] => {
      const whole = name === undefined ? {} : { product: name }
      if (purls === undefined) return [whole]
      // What else is affected cannot be told from the rest of the product.
      return unnamed && !excuses ? [{ ...whole, purls }, whole] : [{ ...whole, purls }]
    })
  })
}

/** The package URLs of what is meant in a product; absent where that is the product itself. `unnamed`: whether something is meant that has none and cannot be compared. */
const subcomponentsOf = (
  product: Fields,
  say: Say,
): { readonly purls?: readonly string[]; readonly unnamed: boolean } => {
  const subcomponents = listOf(product, 'subcomponents', say)
  if (subcomponents === undefined || subcomponents.length === 0) return { unnamed: false }
  const each = subcomponents.map((value, index) => {
    const inside: Say = (sentence) => say(`has a subcomponent (${index + 1}) that ${sentence}`)
    const fields = fieldsOf(value)
    if (fields === undefined) {
      inside(`is no object with @id or identifiers: ${described(value)}`)
      return []
    }
    known(fields, COMPONENT, inside)
    return identifiersOf(fields, inside).filter((name) => name.startsWith('pkg:'))
  })
  return { purls: each.flat(), unnamed: each.some((purls) => purls.length === 0) }
}

/** A component's package URLs, else its other name; none where it only has hashes or CPEs. */
const identifiersOf = (fields: Fields, say: Say): readonly string[] => {
  const id = textOf(fields, '@id', say)
  const given = fields.get('identifiers')
  const identifiers = given === undefined ? new Map<string, unknown>() : fieldsOf(given)
  if (identifiers === undefined) say(`has identifiers that are no object: ${described(given)}`)
  const purl = identifiers === undefined ? undefined : textOf(identifiers, 'purl', say)
  if (id === undefined && (identifiers?.size ?? 0) === 0 && fields.get('hashes') === undefined)
    say('has neither @id nor identifiers nor hashes')
  for (const each of [purl, id?.startsWith('pkg:') ? id : undefined])
    if (each !== undefined && parsePurl(each) === undefined) say('is named by what is no package URL')
  const purls = [...new Set([purl, id])].filter((each) => each?.startsWith('pkg:')).filter((each) => each !== undefined)
  return purls.length > 0 || id === undefined ? purls : [id]
}

const listOf = (fields: Fields, key: string, say: Say): readonly unknown[] | undefined => {
  const value = fields.get(key)
  if (value === undefined) return []
  return Array.isArray(value) ? value : void say(`has ${key} that are no list: ${described(value)}`)
}
