import type { Json, Place, Scope } from '../template.ts'
import type { CallJob, InputDeclaration, Workflow } from '../workflow.ts'
import { evaluate, evaluateText } from './evaluate.ts'
import { convert } from './input-value.ts'
import { excess, type Grant } from './permissions.ts'
import type { Problem } from './problem.ts'

/** Which file a call names: of the file's own repository and commit, or of another repository. */
export type CallTarget =
  | { readonly kind: 'own'; readonly path: string }
  | { readonly kind: 'other'; readonly repository: string; readonly path: string; readonly ref: string }

/**
 * Reads the `uses` of a job: `./.github/workflows/x.yml` or `$/…`, both of the caller's own commit, or `owner/repository/.github/workflows/x.yml@ref`.
 * Undefined for anything else: called workflows lie directly in `.github/workflows`.
 * Source: docs.github.com, "Reuse workflows"; "Workflow syntax", jobs.<job_id>.uses.
 */
export const callTarget = (uses: string): CallTarget | undefined => {
  const own = /^[.$]\/(\.github\/workflows\/[^/@]+\.ya?ml)$/.exec(uses)?.[1]
  if (own !== undefined) return { kind: 'own', path: own }
  const [, repository, path, ref] = /^([^/@]+\/[^/@]+)\/(\.github\/workflows\/[^/@]+\.ya?ml)@(.+)$/.exec(uses) ?? []
  return repository && path && ref ? { kind: 'other', repository, path, ref } : undefined
}

/**
 * What GitHub finds wrong with a call before anything runs, in its words; places are in the caller's file. One problem refuses the whole run.
 * Checked: that the file can be called, inputs and secrets that are required or unknown, types of literal values, permissions of the called file and of each of its jobs.
 * @param grant what the calling job may do
 * @param uses the called file with its repository and commit, for the message
 * Source: `ConvertToReferencedWorkflow` and what it calls in actions/runner (src/Sdk/WorkflowParser/Conversion).
 */
export const problemsInCall = (job: CallJob, called: Workflow, grant: Grant, uses = job.uses): readonly Problem[] => {
  const { call } = called
  if (call === undefined) return [here(job.at, 'workflow_call key is not defined in the referenced workflow.')]
  return [
    ...problemsInInputs(job, call.inputs),
    ...problemsInSecrets(job, call.secrets),
    ...problemsInPermissions(called, grant).map((text) => here(job.at, `Error calling workflow '${uses}'. ${text}`)),
  ]
}

/**
 * The `inputs` context of a called workflow: what the call gives, else the default, else `''`, `false` or `0` by type.
 * @throws Fault('input') for an expression that cannot be evaluated
 * @returns `wrong` where an expression gives another type: a boolean is not made of the text `true`
 */
export const callInputs = (
  declared: Readonly<Record<string, InputDeclaration>>,
  given: CallJob['with'],
  scope: Scope,
):
  | { readonly kind: 'inputs'; readonly inputs: Readonly<Record<string, Json>> }
  | { readonly kind: 'wrong'; readonly text: string } => {
  const inputs: Record<string, Json> = {}
  for (const [name, { type, default: otherwise }] of Object.entries(declared)) {
    const template = under(given, name) ?? otherwise
    const read = template ? convert(evaluate(template, scope), type) : convert(emptyOf[type], type)
    if (read.kind === 'wrong' && template)
      return {
        kind: 'wrong',
        text: `${template.at.file} (Line: ${template.at.line}, Col: ${template.at.column}): ${read.text}`,
      }
    inputs[name] = read.kind === 'value' ? read.value : null
  }
  return { kind: 'inputs', inputs }
}

/**
 * The secrets that a called workflow sees: all of the caller's with `inherit`, else those that the call names and that are not empty.
 * @param available the caller's own
 * @param scope the caller's, with `secrets`
 */
export const passedSecrets = (
  secrets: CallJob['secrets'],
  available: Readonly<Record<string, string>>,
  scope: Scope,
): Readonly<Record<string, string>> => {
  if (secrets === 'inherit') return available
  const values = Object.entries(secrets).map(([name, template]) => [name, evaluateText(template, scope)] as const)
  return Object.fromEntries(values.filter(([, value]) => value !== ''))
}

const problemsInInputs = (job: CallJob, declared: Readonly<Record<string, InputDeclaration>>): readonly Problem[] => {
  const inputs = Object.entries(declared).flatMap(([name, { type, required }]) => {
    const given = under(job.with, name)
    if (given === undefined)
      return required ? [here(job.at, `Input ${name} is required, but not provided while calling.`)] : []
    const read = given.kind === 'literal' ? convert(given.value, type) : undefined
    return read?.kind === 'wrong' ? [here(given.at, read.text)] : []
  })
  const strangers = Object.entries(job.with)
    .filter(([name]) => under(declared, name) === undefined)
    .map(([name, { at }]) => here(at, `Invalid input, ${name} is not defined in the referenced workflow.`))
  return [...inputs, ...strangers]
}

const problemsInPermissions = (called: Workflow, grant: Grant): readonly string[] =>
  [
    { who: 'The workflow', permissions: called.permissions },
    ...called.jobs.map(({ id, permissions }) => ({ who: `The nested job '${id}'`, permissions })),
  ].flatMap(({ who, permissions }) => {
    const beyond = permissions && excess(permissions, grant)
    return beyond ? [`${who} is requesting '${beyond.requested}', but is only allowed '${beyond.allowed}'.`] : []
  })

const problemsInSecrets = (
  { secrets, at }: CallJob,
  declared: Readonly<Record<string, { readonly required: boolean }>>,
): readonly Problem[] => {
  if (secrets === 'inherit') return []
  const missing = Object.entries(declared)
    .filter(([name, { required }]) => required && under(secrets, name) === undefined)
    .map(([name]) => here(at, `Secret ${name} is required, but not provided while calling.`))
  const strangers = Object.entries(secrets)
    .filter(([name]) => under(declared, name) === undefined)
    .map(([name, template]) => here(template.at, `Invalid secret, ${name} is not defined in the referenced workflow.`))
  return [...missing, ...strangers]
}

const emptyOf = { string: '', choice: '', environment: '', boolean: false, number: 0 } as const

const here = ({ line, column }: Place, text: string): Problem => ({ line, column, text })

/** Names of inputs and secrets are the same in any case. */
const under = <T>(record: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.entries(record).find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1]
