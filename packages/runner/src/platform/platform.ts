import { join } from 'node:path'
import { Fault } from '@sluice/kit/faults'
import type { JobRequest, RunningJob } from '../execution.ts'
import type { Platform, PlatformOptions, Run } from '../github.ts'
import { dispatchInputs } from '../language/dispatch.ts'
import { isStartedBy, type Occurrence, skipsRuns } from '../language/triggers.ts'
import type { Json } from '../template.ts'
import type { RunTrace } from '../trace.ts'
import { type Cause, refOf } from './contexts.ts'
import { openHub } from './hub.ts'
import { dispatchPayload, pushPayload, workflowRunPayload } from './payloads.ts'
import { NO_COMMIT } from './repository.ts'
import { startRun } from './run.ts'

/** How many runs may follow a first one, each by the `workflow_run` of the one before it: of A to F, E and F do not run. Source: docs.github.com, "Events that trigger workflows", workflow_run. */
const LONGEST_CHAIN = 3

/**
 * Starts a local GitHub with one repository: its API and its issuer on loopback, its runs, its groups and its machines.
 * @param start runs a job on a machine; default the runner of this package
 * Source: docs.github.com, "Events that trigger workflows"
 */
export const createPlatform = async (
  options: PlatformOptions,
  start?: (request: JobRequest) => RunningJob,
): Promise<Platform> => {
  const hub = await openHub(options, start)
  const runs: Run[] = []
  const going = new Set<Promise<unknown>>()
  const bugs: unknown[] = []
  const { defaultBranch } = options.repository

  const launch = (file: string, cause: Cause, more: { readonly inputs?: Json; readonly chain?: number } = {}): Run => {
    const { chain = 0 } = more
    if (hub.closed()) throw new Fault('input', `The platform was closed: ${file} does not run`, 'Open another one')
    const run = startRun(hub, { id: runs.length + 1, file, cause, inputs: more.inputs ?? {} })
    runs.push(run)
    const done = run.done
      .then((trace) => {
        if (trace.refused === '' && chain < LONGEST_CHAIN && !hub.closed()) followed(trace, cause, chain)
      })
      // There is no run yet that could say it: whoever waits for all of them hears of it.
      .catch((thrown: unknown) => void bugs.push(thrown))
    going.add(done)
    void done.finally(() => going.delete(done))
    return run
  }

  /** Those that start by a run's end: always from the default branch, whatever the run was of. */
  const followed = (trace: RunTrace, cause: Cause, chain: number): void => {
    const occurrence: Occurrence = {
      event: 'workflow_run',
      type: 'completed',
      workflow: trace.workflow,
      branch: cause.branch,
    }
    const sha = hub.repository.headOf(defaultBranch)
    const payload = workflowRunPayload(trace, cause, hub)
    for (const file of startedBy(sha, occurrence))
      launch(file, { event: 'workflow_run', payload, sha, branch: defaultBranch }, { chain: chain + 1 })
  }

  const startedBy = (sha: string, occurrence: Occurrence): readonly string[] =>
    hub.repository.workflowFiles(sha).filter((path) => {
      const file = hub.files.workflow(
        hub.own(sha, occurrence.event === 'push' ? occurrence.ref : refOf(defaultBranch)),
        path,
      )
      // GitHub shows a run for a pushed file that it cannot read: the run says what is wrong.
      return file?.kind === 'read' ? isStartedBy(file.workflow.on, occurrence) : occurrence.event === 'push'
    })

  return {
    url: hub.url,
    runs,
    deployments: hub.deployments,
    push: (given = {}) => {
      const branch = given.branch ?? defaultBranch
      const sha = given.sha ?? hub.repository.headOf(branch)
      const commit = hub.repository.commit(sha)
      if (skipsRuns(commit.message)) return []
      const before = commit.parent || NO_COMMIT
      const occurrence: Occurrence = {
        event: 'push',
        ref: refOf(branch),
        // Only filters by path need it, and it takes another start of git.
        get changed() {
          return hub.repository.changed(before, sha)
        },
      }
      const payload = pushPayload({ branch, before, commit }, hub)
      return startedBy(sha, occurrence).map((file) => launch(file, { event: 'push', payload, sha, branch }))
    },
    dispatch: (name, inputs = {}, branch = defaultBranch) => {
      const path = name.includes('/') ? name : join('.github/workflows', name)
      const sha = hub.repository.headOf(branch)
      const file = hub.files.workflow(hub.own(sha, refOf(branch)), path)
      if (file === undefined) throw new Fault('input', `${path} is not there on ${branch}`, 'Commit it first')
      // What cannot be read is said by the run.
      if (file.kind === 'wrong') return launch(path, { event: 'workflow_dispatch', payload: {}, sha, branch })
      if (file.workflow.dispatch === undefined)
        throw new Fault('input', "Workflow does not have 'workflow_dispatch' trigger", `Add it to ${path}`)
      const read = dispatchInputs(file.workflow.dispatch.inputs, inputs)
      if (read.kind === 'wrong') throw new Fault('input', read.text, `See the inputs of ${path}`)
      const payload = dispatchPayload({ path, branch, inputs: read.event }, hub)
      return launch(path, { event: 'workflow_dispatch', payload, sha, branch }, { inputs: read.inputs })
    },
    schedule: () => {
      const sha = hub.repository.headOf(defaultBranch)
      return startedBy(sha, { event: 'schedule' }).map((path) => {
        const file = hub.files.workflow(hub.own(sha, refOf(defaultBranch)), path)
        const crons = file?.kind === 'read' ? file.workflow.on.flatMap(({ cron = [] }) => cron) : []
        const payload = { schedule: crons[0] ?? '', repository: hub.payload }
        return launch(path, { event: 'schedule', payload, sha, branch: defaultBranch })
      })
    },
    idle: async () => {
      while (going.size > 0) await Promise.all(going)
      if (bugs.length > 0) throw bugs[0]
    },
    close: async () => {
      hub.stop()
      while (going.size > 0) await Promise.all(going)
      await hub.close()
    },
  }
}
