import { describe, Fault } from '@sluice/kit/faults'
import { callInputs, passedSecrets } from '../language/call.ts'
import { concurrencyOf } from '../language/concurrency.ts'
import { evaluateText } from '../language/evaluate.ts'
import { together } from '../language/job-status.ts'
import type { Grant } from '../language/permissions.ts'
import type { Scope, Template } from '../template.ts'
import type { JobTrace } from '../trace.ts'
import type { CallJob, NormalJob } from '../workflow.ts'
import { type Ended, type Graph, type GraphPorts, type JobEnd, type Ready, runGraph } from './graph.ts'
import type { Entry, Groups } from './groups.ts'
import { errorOf, nameOf, sentenceOf, traceUnbegun } from './unbegun.ts'

/** What running one job, or one called workflow, needs. */
export type InstancePorts = {
  readonly run: number
  readonly groups: Groups
  /** A token that may do so much, until it is given back. */
  readonly lend: (grant: Grant) => { readonly token: string; readonly giveBack: () => void }
  readonly perform: (ready: Ready & { readonly job: NormalJob }) => Promise<Ended>
  readonly waits: (path: string, why: string) => void
  readonly ended: (trace: JobTrace) => void
  readonly broke: () => void
  readonly now: () => number
}

/**
 * Runs one job, in its concurrency group where it names one. The group is held before the environment's rules are asked: a job that waits for a reviewer holds it.
 * A called workflow's jobs are a graph of their own; the group of the job that calls it, and the one that the called file names at its top, hold for them all.
 * Source: docs.github.com, "Control the concurrency of workflows and jobs"; github.com/orgs/community/discussions/17401 on approvals
 */
export const runInstance = async (ready: Ready, ports: InstancePorts): Promise<Ended> => {
  const ended = await inGroup(ready, ports)
  ports.ended(ended.own)
  return ended
}

const inGroup = async (ready: Ready, ports: InstancePorts): Promise<Ended> => {
  const startedAt = ports.now()
  const unbegun = (conclusion: 'failure' | 'cancelled', why: string): Ended => ({
    own: { ...traceUnbegun(ready, { conclusion, why: [why], at: startedAt }), endedAt: ports.now() },
    called: [],
    mayFail: false,
  })
  try {
    const entry = await enter(ready, { template: ready.job.concurrency, scope: ready.scope, ports })
    if (entry.kind !== 'entered') return unbegun(entry.kind === 'wrong' ? 'failure' : 'cancelled', entry.why)
    try {
      const ended = await begin(ready, ports)
      return 'own' in ended ? ended : unbegun(ended.kind === 'wrong' ? 'failure' : 'cancelled', ended.why)
    } finally {
      entry.leave()
    }
  } catch (thrown) {
    // What cannot be evaluated fails its job, as on GitHub; anything else is a bug of ours.
    if (thrown instanceof Fault) return unbegun('failure', `The template is not valid. ${describe(thrown)}`)
    throw thrown
  }
}

type Wish = { readonly template: Template | undefined; readonly scope: Scope; readonly ports: InstancePorts }
type Refused = { readonly kind: 'cancelled' | 'wrong'; readonly why: string }

/** Waits for a job's turn in a group, if it names one. */
const enter = async (
  ready: Ready,
  { template, scope, ports }: Wish,
): Promise<Extract<Entry, { readonly kind: 'entered' }> | Refused> => {
  const wanted = concurrencyOf(template, scope)
  if (wanted === undefined) return { kind: 'entered', leave: () => {} }
  if ('wrong' in wanted) return { kind: 'wrong', why: wanted.wrong }
  return ports.groups.enter(
    {
      ...wanted,
      path: [String(ports.run), ...ready.path],
      ended: ready.end.signal,
      cancel: (why) => ready.end.abort(why),
    },
    () => ports.waits(ready.path.join(' / '), `Waiting for its turn in the concurrency group ${wanted.group}`),
  )
}

const begin = (ready: Ready, ports: InstancePorts): Promise<Ended | Refused> => {
  const { job } = ready
  return job.kind === 'call' ? callWorkflow({ ...ready, job }, ports) : ports.perform({ ...ready, job })
}

const callWorkflow = async (
  ready: Ready & { readonly job: CallJob },
  ports: InstancePorts,
): Promise<Ended | Refused> => {
  const { graph, job, scope } = ready
  const loaded = graph.loaded.calls[job.id]
  if (loaded === undefined) throw new Error(`the workflow that ${ready.path.join(' / ')} calls was not loaded`)
  const read = callInputs(loaded.workflow.call?.inputs ?? {}, job.with, scope)
  if (read.kind === 'wrong') throw new Fault('input', read.text)
  // A call may pass the token on by name, and then it is the calling job's.
  const lent = job.secrets === 'inherit' ? undefined : ports.lend(ready.permissions)
  const secrets = { ...graph.secrets.values, ...(lent && { GITHUB_TOKEN: lent.token }) }
  const sub: Graph = {
    ...graph,
    loaded,
    ids: ready.ids,
    path: ready.path,
    names: nameOf(ready).split(' / '),
    inputs: read.inputs,
    secrets: {
      values: passedSecrets(job.secrets, graph.secrets.values, {
        ...scope,
        contexts: { ...scope.contexts, secrets },
      }),
      inherited: graph.secrets.inherited && job.secrets === 'inherit',
    },
    cancelled: AbortSignal.any([graph.cancelled, ready.end.signal]),
  }
  const own = { contexts: { github: graph.github, inputs: read.inputs, vars: graph.vars }, status: scope.status }
  const entry = await enter(ready, { template: loaded.workflow.concurrency, scope: own, ports })
  try {
    return entry.kind === 'entered' ? await callGraph(ready, sub, ports) : entry
  } finally {
    if (entry.kind === 'entered') entry.leave()
    lent?.giveBack()
  }
}

const callGraph = async (ready: Ready, sub: Graph, ports: InstancePorts): Promise<Ended> => {
  const startedAt = ports.now()
  const { ended, broke, now } = ports
  const graphPorts: GraphPorts = { run: (one) => runInstance(one, ports), ended, broke, now }
  const ends = await runGraph(sub, graphPorts)
  const outputs = outputsOf(sub, ends)
  const conclusion = 'wrong' in outputs ? 'failure' : together(Object.values(ends).map(({ result }) => result))
  const why = 'wrong' in outputs ? [outputs.wrong] : []
  const own = traceUnbegun(ready, { conclusion, why: [], at: startedAt })
  return {
    own: {
      ...own,
      why: why[0] ?? because(conclusion, ends, ready),
      outputs: 'wrong' in outputs ? {} : outputs.values,
      annotations: why.map(errorOf),
      endedAt: ports.now(),
    },
    called: Object.values(ends).flatMap(({ traces }) => traces),
    mayFail: false,
  }
}

type Outputs = { readonly values: Readonly<Record<string, string>> } | { readonly wrong: string }

/**
 * A called workflow's outputs, over `github`, `jobs`, `vars` and `inputs`. How a job ended is in `jobs` by the reference, and empty on GitHub.
 * Source: docs.github.com, "Contexts", jobs context; actions/runner#2495 and #3087
 */
const outputsOf = (graph: Graph, ends: Readonly<Record<string, JobEnd>>): Outputs => {
  const jobs = Object.fromEntries(Object.entries(ends).map(([id, { outputs }]) => [id, { outputs }]))
  const contexts = { github: graph.github, jobs, vars: graph.vars, inputs: graph.inputs }
  const scope = { contexts, status: { success: true, failure: false, cancelled: false } }
  const declared = Object.entries(graph.loaded.workflow.call?.outputs ?? {})
  try {
    return { values: Object.fromEntries(declared.map(([name, template]) => [name, evaluateText(template, scope)])) }
  } catch (thrown) {
    if (thrown instanceof Fault) return { wrong: `The template is not valid. ${describe(thrown)}` }
    throw thrown
  }
}

const because = (conclusion: JobTrace['conclusion'], ends: Readonly<Record<string, JobEnd>>, ready: Ready): string => {
  if (conclusion === 'success') return ''
  if (ready.end.signal.aborted) return sentenceOf(ready.end.signal)
  const those = Object.entries(ends).filter(([, { result }]) => result === conclusion)
  return `Of the workflow that it calls, ${those.map(([id]) => id).join(', ')} ended as ${conclusion}.`
}
