/** Who can mend it: `input`, the caller of the action; `upstream`, a service that failed or refused. */
export type FaultKind = 'input' | 'upstream'

/**
 * The only error thrown on purpose.
 * @param message what is wrong, and with which value
 * @param hint one sentence: what to do about it
 * Anything else that is thrown is a bug, and its stack is shown.
 */
export class Fault extends Error {
  override readonly name = 'Fault'
  readonly kind: FaultKind
  readonly hint: string | undefined

  constructor(kind: FaultKind, message: string, hint?: string, options?: ErrorOptions) {
    super(message, options)
    this.kind = kind
    this.hint = hint
  }
}

/** The text of anything thrown, for people: message and hint of a fault, message of an error, else the value itself. */
export const describe = (thrown: unknown): string => {
  if (thrown instanceof Fault) return thrown.hint ? `${thrown.message}. ${thrown.hint}` : thrown.message
  return thrown instanceof Error ? thrown.message : String(thrown)
}
