import { join } from 'node:path'
import { Fault } from '@sluice/kit/faults'
import type { Run } from '../github.ts'
import { concurrencyOf } from '../language/concurrency.ts'
import { together } from '../language/job-status.ts'
import type { Json } from '../template.ts'
import type { JobTrace, RunTrace } from '../trace.ts'
import { type Cause, githubContext, type RunIdentity, refOf } from './contexts.ts'
import { type Graph, runGraph } from './graph.ts'
import type { Hub } from './hub.ts'
import { type InstancePorts, runInstance } from './instance.ts'
import { type Loaded, loadRun } from './load.ts'
import { perform } from './perform.ts'
import { CANCELLED, sentenceOf } from './unbegun.ts'
import { watchJobs } from './watch.ts'

/** What a run is of. */
export type Order = {
  readonly id: number
  readonly file: string
  readonly cause: Cause
  readonly inputs: Json
}

/** Starts a run: its file and all that it calls are read at once, its jobs begin when its group lets them. Nothing is thrown; `done` never rejects. */
export const startRun = (hub: Hub, { id, file, cause, inputs }: Order): Run => {
  const startedAt = Date.now()
  const watch = watchJobs(id)
  const cancelled = new AbortController()
  const closed = new AbortController()
  const loading = loadRun(file, hub.own(cause.sha, refOf(cause.branch)), hub.files, hub.given)
  const broke = (): void => {
    closed.abort('A bug of this runner ended the run.')
    watch.killAll()
  }
  const name = loading.kind === 'loaded' ? loading.loaded.workflow.name : file
  const end = (trace: Pick<RunTrace, 'conclusion' | 'refused' | 'why' | 'jobs'>): RunTrace => ({
    id,
    attempt: 1,
    workflow: name,
    file,
    event: cause.event,
    ...trace,
    startedAt,
    endedAt: Date.now(),
  })
  const work = async (): Promise<RunTrace> => {
    // Whoever asked for the run gets it before anything happens in it.
    await Promise.resolve()
    if (loading.kind === 'refused') return end({ conclusion: 'failure', refused: loading.text, why: '', jobs: [] })
    const identity = {
      id,
      number: hub.numberOf(file),
      workflow: name,
      file,
      repository: hub.repositoryName,
      cause,
    }
    return end(await runLoaded(hub, { loaded: loading.loaded, identity, inputs, cancelled, closed, watch, broke }))
  }
  const stopped = hub.onStop(() => {
    cancelled.abort('The platform was closed.')
    closed.abort('The platform was closed.')
    watch.killAll()
  })
  hub.tell({ kind: 'run-started', run: id, workflow: name, event: cause.event })
  const done = work()
    .catch((thrown: unknown) => {
      broke()
      const text = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)
      return end({ conclusion: 'failure', refused: '', why: `A bug of this runner: ${text}`, jobs: [] })
    })
    .then((trace) => {
      stopped()
      watch.close()
      hub.tell({ kind: 'run-ended', run: trace })
      return trace
    })
  return {
    id,
    file,
    done,
    cancel: () => cancelled.abort(CANCELLED),
    kill: watch.kill,
    started: watch.started,
  }
}

type Work = {
  readonly loaded: Loaded
  readonly identity: RunIdentity
  readonly inputs: Json
  readonly cancelled: AbortController
  readonly closed: AbortController
  readonly watch: ReturnType<typeof watchJobs>
  readonly broke: () => void
}

type End = Pick<RunTrace, 'conclusion' | 'refused' | 'why' | 'jobs'>

const runLoaded = async (hub: Hub, work: Work): Promise<End> => {
  const { loaded, identity, inputs, cancelled, closed } = work
  const { options } = hub
  const vars = options.vars ?? {}
  const github = githubContext(identity, { server: hub.site, api: hub.url })
  const scope = {
    contexts: { github, inputs, vars },
    status: { success: true, failure: false, cancelled: false },
  }
  const wanted = (() => {
    try {
      return concurrencyOf(loaded.workflow.concurrency, scope)
    } catch (thrown) {
      if (thrown instanceof Fault) return { wrong: thrown.message }
      throw thrown
    }
  })()
  if (wanted && 'wrong' in wanted)
    return { conclusion: 'failure', refused: `${loaded.workflow.file}: ${wanted.wrong}`, why: '', jobs: [] }
  const entry =
    wanted &&
    (await hub.groups.enter(
      {
        ...wanted,
        path: [String(identity.id)],
        ended: cancelled.signal,
        cancel: (why) => cancelled.abort(why),
      },
      () => {},
    ))
  if (entry?.kind === 'cancelled') return { conclusion: 'cancelled', refused: '', why: entry.why, jobs: [] }
  const graph: Graph = {
    loaded,
    ids: [],
    path: [],
    names: [],
    inputs,
    secrets: { values: options.secrets ?? {}, inherited: true },
    github,
    vars,
    cancelled: cancelled.signal,
    closed: closed.signal,
  }
  try {
    const ports = instancePorts(hub, work)
    const { ended, broke, now } = ports
    const ends = await runGraph(graph, { run: (ready) => runInstance(ready, ports), ended, broke, now })
    const jobs = Object.values(ends).flatMap(({ traces }) => traces)
    const results = Object.values(ends).map(({ result }) => result)
    return cancelled.signal.aborted
      ? { conclusion: 'cancelled', refused: '', why: sentenceOf(cancelled.signal), jobs }
      : { conclusion: together(results), refused: '', why: '', jobs }
  } finally {
    if (entry?.kind === 'entered') entry.leave()
  }
}

const instancePorts = (hub: Hub, { identity, watch, broke }: Work): InstancePorts => {
  const { options, tell } = hub
  const run = identity.id
  const ended = (job: JobTrace): void => tell({ kind: 'job-ended', run, job })
  return {
    run,
    groups: hub.groups,
    lend: hub.lend,
    ended,
    broke,
    now: Date.now,
    waits: (job, why) => tell({ kind: 'job-waiting', run, job, why }),
    perform: (ready) =>
      perform(ready, {
        run: identity,
        start: hub.start,
        resolve: hub.resolve,
        machines: hub.machines,
        environments: options.environments ?? {},
        approve: options.approve ?? (async () => 'approved'),
        lend: hub.lend,
        identify: hub.identify,
        deploy: (environment) => hub.deploy({ environment, sha: identity.cause.sha, run }),
        checkout: { repository: hub.repositoryName, folder: options.repository.folder },
        // Where the stand-ins for artifacts put and find them, as long as the platform lives.
        env: { SLUICE_ARTIFACTS: join(hub.directory, 'artifacts'), ...options.env },
        directory: hub.directory,
        noticedAfter: options.noticedAfter ?? 100,
        tell: (kind, job, why) => tell({ kind, run, job, why }),
        begun: (job, kill) => {
          tell({ kind: 'job-started', run, job, why: '' })
          return watch.begun(job, kill)
        },
        line: (job, text) => tell({ kind: 'line', run, job, text }),
        now: Date.now,
      }),
  }
}
