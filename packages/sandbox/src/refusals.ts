import { type Kind, qualified } from './kinds.ts'

/** One cause in a Status' details. */
export type Cause = { reason?: string; message: string; field?: string }

/** What the API answers instead of an object: `Status` of the Kubernetes API, as data. */
export type Refusal = {
  readonly kind: 'Status'
  readonly apiVersion: 'v1'
  readonly metadata: Record<string, never>
  readonly status: 'Failure'
  readonly message: string
  readonly reason: string
  readonly details?: {
    readonly name?: string
    readonly group?: string
    readonly kind?: string
    readonly uid?: string
    readonly causes?: readonly Cause[]
    readonly retryAfterSeconds?: number
  }
  readonly code: number
}

/** Whether an answer is a refusal rather than an object. */
export const isRefusal = (value: unknown): value is Refusal =>
  typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'Status' && 'code' in value

/** A refusal with the code, reason and message that the API server gives. */
export const refuse = (code: number, reason: string, message: string, details?: Refusal['details']): Refusal => ({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Failure',
  message,
  reason,
  ...(details === undefined ? {} : { details }),
  code,
})

const named = (kind: Kind, name: string): NonNullable<Refusal['details']> => ({
  name,
  ...(kind.group === '' ? {} : { group: kind.group }),
  kind: kind.resource,
})

/** 404 NotFound */
export const notFound = (kind: Kind, name: string): Refusal =>
  refuse(404, 'NotFound', `${qualified(kind)} "${name}" not found`, named(kind, name))

/** 409 AlreadyExists */
export const alreadyExists = (kind: Kind, name: string): Refusal =>
  refuse(409, 'AlreadyExists', `${qualified(kind)} "${name}" already exists`, named(kind, name))

/** 409 for a lost race; `why` is what Kubernetes writes after the colon. */
export const conflict = (
  kind: Kind,
  name: string,
  why = 'the object has been modified; please apply your changes to the latest version and try again',
): Refusal =>
  refuse(409, 'Conflict', `Operation cannot be fulfilled on ${qualified(kind)} "${name}": ${why}`, named(kind, name))

/** 400 BadRequest */
export const badRequest = (message: string): Refusal => refuse(400, 'BadRequest', message)

/** 422 with one cause per wrong field. */
export const invalid = (kind: Kind, name: string, causes: readonly Cause[]): Refusal => {
  const texts = causes.map((cause) => `${cause.field}: ${cause.message}`)
  const list = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`
  const type = kind.group === '' ? kind.kind : `${kind.kind}.${kind.group}`
  return refuse(422, 'Invalid', `${type} "${name}" is invalid: ${list}`, {
    name,
    ...(kind.group === '' ? {} : { group: kind.group }),
    kind: kind.kind,
    causes,
  })
}

/** 501 for what the embedded cluster does not serve: it names itself, so nobody looks for the fault in Kubernetes. */
export const notServed = (what: string): Refusal =>
  refuse(501, 'NotImplemented', `Sluice's embedded cluster does not serve ${what}`)
