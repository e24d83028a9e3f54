import type { Scope } from '../template.ts'
import type { InputDeclaration } from '../workflow.ts'
import { evaluateText } from './evaluate.ts'

/** What a dispatched run gets: `inputs` as the context has them, `event` as `github.event.inputs` has them; or the API's words for why there is no run. */
export type Dispatch =
  | {
      readonly kind: 'inputs'
      readonly inputs: Readonly<Record<string, string | boolean>>
      readonly event: Readonly<Record<string, string>>
    }
  | { readonly kind: 'wrong'; readonly text: string }

/**
 * The inputs of a run that is started by hand: what is given, else the default, else empty (a boolean: `false`).
 * Only booleans are booleans in `inputs`; numbers and choices are text. At most 25 inputs are given.
 * Source: docs.github.com, "Workflow syntax", on.workflow_dispatch.inputs; REST API, "Create a workflow dispatch event".
 */
export const dispatchInputs = (
  declared: Readonly<Record<string, InputDeclaration>>,
  given: Readonly<Record<string, string>>,
): Dispatch => {
  const strangers = Object.keys(given).filter((name) => !Object.hasOwn(declared, name))
  if (strangers.length > 0) return wrong(`Unexpected inputs provided: ${JSON.stringify(strangers)}`)
  const event: Record<string, string> = {}
  const inputs: Record<string, string | boolean> = {}
  for (const [name, input] of Object.entries(declared)) {
    const value = given[name] ?? defaultOf(input)
    if (value === undefined && input.required) return wrong(`Required input '${name}' not provided`)
    const text = value ?? (input.type === 'boolean' ? 'false' : '')
    if (!fits(text, input, value !== undefined))
      return wrong(`Provided value '${text}' for input '${name}' not in the list of allowed values`)
    event[name] = text
    inputs[name] = input.type === 'boolean' ? text === 'true' : text
  }
  return { kind: 'inputs', inputs, event }
}

const nothing: Scope = { contexts: {}, status: { success: true, failure: false, cancelled: false } }

const defaultOf = ({ default: otherwise, type, options }: InputDeclaration): string | undefined => {
  if (otherwise !== undefined) return evaluateText(otherwise, nothing)
  return type === 'choice' ? options[0] : undefined
}

const fits = (text: string, { type, options }: InputDeclaration, given: boolean): boolean => {
  if (type === 'boolean') return text === 'true' || text === 'false'
  return type !== 'choice' || !given || options.includes(text)
}

const wrong = (text: string): Dispatch => ({ kind: 'wrong', text })
