import { createHash } from 'node:crypto'
import * as core from '@actions/core'
import { leave, type Outcome, reportPath, runAction } from '@sluice/kit/action'
import { cancellation, realClock } from '@sluice/kit/clock'
import { Fault } from '@sluice/kit/faults'
import { loggedLine } from '@sluice/kit/log'
import type { Report } from '@sluice/kit/report'
import { currentRun, tool } from '@sluice/kit/run'
import type { Cluster, KubernetesObject } from '@sluice/kubernetes/cluster'
import { connect } from '@sluice/kubernetes/connect'
import { effectOf } from './change.ts'
import { findings } from './finding.ts'
import { type Inputs, readAll } from './inputs.ts'
import { readManifests, type Source } from './manifests.ts'
import { readSources } from './ports/files.ts'
import { rolloutOf } from './ports/rollout.ts'
import { type Job, type Result, run } from './run.ts'
import { type Picked, pick, shippedOf } from './shipped.ts'
import { type Shipped, summarize } from './summary.ts'
import { readValues } from './values.ts'
import { type Decided, decide, type Verdict } from './verdict.ts'

const main = async (): Promise<Outcome> => {
  const startedAt = new Date()
  const cancelled = cancellation()
  const given = readGiven((name) => core.getInput(name))
  const { inputs } = given

  const cluster = await connect({
    kubeconfig: inputs.kubeconfig,
    context: inputs.context,
    namespace: inputs.namespace,
    env: process.env,
  })
  const job = jobOf(given, cluster.namespace)
  const say = (line: string): void => void process.stdout.write(`${loggedLine(line)}\n`)
  const ports = { cluster, rollout: rolloutOf(cluster), clock: realClock(cancelled), cancelled, say }
  const result = await run(job, ports)

  const decided = decide(result)
  const shipped = await shippedAt(result, cluster, inputs)
  say(`verdict: ${decided.verdict} (${decided.reason.code}): ${decided.reason.text}`)
  return outcomeOf({ given, result, decided, shipped, startedAt, endedAt: new Date() })
}

/** Everything that was handed in. Read before anything is sent, with all that is wrong in one message. */
type Given = {
  readonly inputs: Inputs
  readonly sources: readonly Source[]
  readonly unused: readonly string[]
  readonly what: Job['what']
}

const readGiven = (read: (name: string) => string): Given => {
  const values = readValues(read('values'))
  const entries = read('manifests')
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
  const { sources, problems: missing } = readSources(entries)
  const namespace = read('namespace').trim() || undefined
  const known = 'values' in values ? values.values : undefined
  // With values that cannot be read every placeholder would be told as well.
  const manifests =
    known === undefined ? undefined : readManifests(sources, known, { namespace, fixed: namespace !== undefined })
  const inputs = readAll(read, [
    ...('problems' in values ? values.problems : []),
    ...missing,
    ...(manifests?.problems ?? []).map(({ where, text }) => `${where}: ${text}`),
  ])
  const { image, deployment, container } = inputs
  const what: Job['what'] =
    image === undefined || deployment === undefined
      ? { kind: 'manifests', manifests: manifests?.manifests ?? [] }
      : { kind: 'image', image: `${image.repository}@${image.digest}`, deployment, container }
  return { inputs, sources, unused: manifests?.unused ?? [], what }
}

const jobOf = ({ inputs, what }: Given, namespace: string): Job => {
  if (what.kind === 'manifests' && inputs.deployment !== undefined) {
    const names = what.manifests.flatMap(({ object }) => (object.kind === 'Deployment' ? [object.metadata.name] : []))
    if (!names.includes(inputs.deployment)) {
      throw new Fault(
        'input',
        `deployment names ${inputs.deployment}, which is not in the manifests`,
        `There are: ${names.join(', ') || 'none'}`,
      )
    }
  }
  const { deployment: unlessThere } = inputs
  return {
    what,
    namespace,
    ...(inputs.existing === 'skip' && unlessThere !== undefined ? { unlessThere } : {}),
    timeoutMs: inputs.timeout,
    onFailure: inputs['on-failure'],
  }
}

/** Reads back what runs now; what cannot be read is told as it was last known. */
const shippedAt = async (result: Result, cluster: Cluster, inputs: Inputs): Promise<readonly Shipped[]> => {
  if (result.found !== undefined) {
    const { target, live } = result.found
    return shippedOf({ target, before: live, after: live }, live, result, inputs.container)
  }
  const found: Shipped[] = []
  for (const change of result.changes) {
    if (change.target.kind !== 'Deployment') continue
    // A cancelled run has seconds: it does not ask once more.
    const reading =
      result.end === 'cancelled'
        ? Promise.resolve(change.after)
        : cluster.get<KubernetesObject>(change.target, change.target.name)
    const live = await reading.catch((thrown: unknown) => {
      if (thrown instanceof Fault) return change.after
      throw thrown
    })
    found.push(...shippedOf(change, live, result, inputs.container))
  }
  return found
}

type Told = {
  readonly given: Given
  readonly result: Result
  readonly decided: Decided
  readonly shipped: readonly Shipped[]
  readonly startedAt: Date
  readonly endedAt: Date
}

type Details = {
  readonly objects: readonly {
    readonly kind: string
    readonly name: string
    readonly namespace?: string
    readonly effect: string
    readonly undone?: string
  }[]
  readonly deployments: readonly Shipped[]
}

const outcomeOf = ({ given, result, decided, shipped, startedAt, endedAt }: Told): Outcome => {
  const { env } = process
  const { inputs, sources, unused } = given
  const picked: Picked | undefined = pick(shipped, inputs.deployment)
  const report: Report<Verdict, Details> = {
    schema: 'sluice.dev/deploy/v1',
    tool: tool(env),
    subject: {
      ...(inputs.image === undefined ? {} : { image: inputs.image }),
      ...(env.GITHUB_SHA ? { commit: env.GITHUB_SHA } : {}),
      ...(sources.length === 0
        ? {}
        : { files: Object.fromEntries(sources.map(({ path, text }) => [path, digest(text)])) }),
    },
    run: currentRun(env, process.pid),
    startedAt: startedAt.toISOString(),
    endedAt: endedAt.toISOString(),
    ...decided,
    findings: findings(result, unused),
    details: {
      objects: result.changes.map((change) => {
        const undone = result.undone?.find((each) => each.change === change)
        const { kind, name, namespace } = change.target
        return {
          kind,
          name,
          ...(namespace === undefined ? {} : { namespace }),
          effect: effectOf(change),
          ...(undone === undefined ? {} : { undone: undone.state }),
        }
      }),
      deployments: shipped,
    },
  }
  return {
    outputs: {
      image: picked?.image ?? '',
      'previous-image': picked?.previousImage ?? '',
      revision: picked?.revision ?? '',
    },
    report,
    reportPath: reportPath('deploy'),
    summary: summarize(decided, result, shipped),
    ...(decided.verdict === 'pass' ? {} : { failed: `${decided.reason.text}. ${decided.reason.next}` }),
  }
}

const digest = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`

// A look that was given up may still hang at the API server; nothing waits for it.
void runAction('deploy', main).then(leave)
