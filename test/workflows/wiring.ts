import type { Manifest } from '../../scripts/manifest.ts'
import { actionName, askedBy, type Found, type Job, missing, type Step, type Workflow } from '../../scripts/workflow.ts'

/** What a `uses` may name: our actions and workflows, and those of the repository that a file is for. */
export type House = {
  readonly action: (name: string) => Manifest | undefined
  readonly workflow: (uses: string) => Found | undefined
}

/**
 * What a workflow gets wrong about the things it names, one sentence each: targets, inputs and outputs that are not there, required inputs that are
 * not given, and permissions that a called workflow asks for and is not granted, which GitHub answers by stopping the whole run.
 */
export const wiringProblems = (workflow: Workflow, house: House): readonly string[] => [
  ...Object.entries(workflow.jobs).flatMap(([id, job]) =>
    [
      ...(job.uses === undefined ? [] : callProblems(job, job.uses, { workflow, house })),
      ...(job.steps ?? []).flatMap((step) => stepProblems(step, house)),
      ...referenceProblems(job, { workflow, house }),
    ].map((problem) => `${id}: ${problem}`),
  ),
  ...outputProblems(workflow, house),
]

type Place = { readonly workflow: Workflow; readonly house: House }

const callProblems = (job: Job, uses: string, { workflow, house }: Place): readonly string[] => {
  const found = house.workflow(uses)
  if (found === undefined) return [`${uses} is not there`]
  const call = found.workflow.on.workflow_call
  if (call === undefined) return [`${uses} cannot be called`]
  const granted = job.permissions ?? workflow.permissions ?? {}
  return [
    ...givenProblems(uses, call?.inputs ?? {}, job.with ?? {}),
    ...(job.secrets === 'inherit' ? [] : givenProblems(uses, call?.secrets ?? {}, job.secrets ?? {})),
    ...missing(askedBy(found), granted).map((scope) => `${uses} asks for ${scope}, which it is not granted`),
  ]
}

const stepProblems = ({ uses = '', with: given = {} }: Step, { action }: House): readonly string[] => {
  if (/\/sluice\/|^(\$|\.)\//.test(uses) === false) return []
  const found = action(actionName(uses) ?? '')
  return found === undefined ? [`${uses} is not there`] : givenProblems(uses, found.inputs, given)
}

const givenProblems = (
  uses: string,
  declared: Readonly<Record<string, { readonly required?: boolean }>>,
  given: Readonly<Record<string, unknown>>,
): readonly string[] => [
  ...Object.keys(given)
    .filter((name) => !Object.hasOwn(declared, name))
    .map((name) => `${uses} has no input ${name}`),
  ...Object.entries(declared)
    .filter(([name, { required }]) => required === true && !Object.hasOwn(given, name))
    .map(([name]) => `${uses} requires ${name}`),
]

/** What the expressions of a job read that is not there. */
const referenceProblems = (job: Job, { workflow, house }: Place): readonly string[] => {
  const text = JSON.stringify(job)
  const needs = [job.needs ?? []].flat()
  const inputs = { ...workflow.on.workflow_call?.inputs, ...workflow.on.workflow_dispatch?.inputs }
  const secrets = ['GITHUB_TOKEN', ...Object.keys(workflow.on.workflow_call?.secrets ?? {})]
  return [
    ...needs.filter((id) => !Object.hasOwn(workflow.jobs, id)).map((id) => `needs ${id}, which is not there`),
    ...found(text, /\bneeds\.([\w-]+)\.(?:outputs\.([\w-]+)|result\b)/g).flatMap(([id = '', output]) => {
      if (!needs.includes(id)) return [`reads needs.${id}, which it does not need`]
      return output === undefined || outputsOf(workflow.jobs[id], house).includes(output)
        ? []
        : [`reads needs.${id}.outputs.${output}, which is not there`]
    }),
    ...found(text, /\bsteps\.([\w-]+)\.(?:outputs\.([\w-]+)|outcome\b|conclusion\b)/g).flatMap(([id = '', output]) => {
      const step = job.steps?.find((each) => each.id === id)
      if (step === undefined) return [`reads steps.${id}, which is not there`]
      return output === undefined || hasOutput(step, output, house)
        ? []
        : [`reads steps.${id}.outputs.${output}, which is not there`]
    }),
    ...found(text, /\binputs\.([\w-]+)/g)
      .filter(([name = '']) => !Object.hasOwn(inputs, name))
      .map(([name]) => `reads inputs.${name}, which is not declared`),
    ...(workflow.on.workflow_call === undefined ? [] : found(text, /\bsecrets\.([\w-]+)/g))
      .filter(([name = '']) => !secrets.includes(name))
      .map(([name]) => `reads secrets.${name}, which is not declared`),
  ]
}

const outputProblems = (workflow: Workflow, house: House): readonly string[] =>
  found(JSON.stringify(workflow.on), /\bjobs\.([\w-]+)\.(?:outputs\.([\w-]+)|result\b)/g).flatMap(
    ([id = '', output]) => {
      const job = workflow.jobs[id]
      if (job === undefined) return [`on: reads jobs.${id}, which is not there`]
      return output === undefined || outputsOf(job, house).includes(output)
        ? []
        : [`on: reads jobs.${id}.outputs.${output}, which is not there`]
    },
  )

const outputsOf = (job: Job | undefined, house: House): readonly string[] =>
  job?.uses === undefined
    ? Object.keys(job?.outputs ?? {})
    : Object.keys(house.workflow(job.uses)?.workflow.on.workflow_call?.outputs ?? {})

/** A third party's outputs are not known here, nor is a name that a variable holds: `--output "$NAME"` of a script of ours. */
const hasOutput = ({ uses, run = '' }: Step, output: string, { action }: House): boolean => {
  if (uses === undefined) return new RegExp(`\\b${output}=|--output (${output}\\b|"?\\$)`).test(run)
  const manifest = action(actionName(uses) ?? '')
  return manifest === undefined || Object.hasOwn(manifest.outputs, output)
}

/** The captured parts of every match, each once. */
const found = (text: string, pattern: RegExp): readonly (readonly (string | undefined)[])[] => [
  ...new Map([...text.matchAll(pattern)].map(([whole, ...parts]) => [whole, parts])).values(),
]
