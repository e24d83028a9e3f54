import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Action, actionNamed, entryOf } from '../actions.ts'
import { type RunningStep, type StepResult, startStep } from '../runner.ts'
import type { Told } from './claims.ts'
import type { Stage } from './stage.ts'

/** One use of an action in a rehearsal. `id` names its log and its folder; `run` is the workflow run that it belongs to. */
export type Use = {
  readonly id: string
  readonly action: string
  readonly run: number
  readonly inputs: Readonly<Record<string, string>>
}

/** Starts the actions, each as a process with what a runner gives it. */
export type Steps = {
  start(use: Use): RunningStep & { readonly told: Promise<{ readonly told: Told; readonly result: StepResult }> }
  /** Ends what still runs. */
  killAll(): Promise<void>
}

/**
 * Runs actions as a runner would: a process each, with a clean environment, a workspace, and its post phase once main has ended by itself.
 * A process that a signal killed stands for a runner that died, and has no post phase.
 */
export const createSteps = (
  stage: Stage,
  given: {
    readonly actions: readonly Action[]
    readonly fromSource: boolean
    readonly reports: string
    readonly say: (use: Use, line: string) => void
  },
): Steps => {
  const running = new Set<RunningStep>()
  for (const folder of ['logs', 'reports']) mkdirSync(join(given.reports, folder), { recursive: true })
  const tracked = async (step: RunningStep): Promise<StepResult> => {
    running.add(step)
    try {
      return await step.done
    } finally {
      running.delete(step)
    }
  }
  return {
    start: (use) => {
      const action = actionNamed(given.actions, use.action)
      const step = {
        action,
        entry: entryOf(action, given.fromSource),
        inputs: { kubeconfig: stage.kubeconfig, ...use.inputs },
        directory: join(stage.directory, use.id),
        workspace: stage.root,
        env: runnerEnvironment(use.run, stage.directory),
        say: (line: string) => given.say(use, line),
      }
      const main = startStep(step)
      const result = tracked(main).then(async (ended) => {
        const post = action.hasPost && ended.signal === undefined ? await tracked(startStep(step, 'post')) : undefined
        const log = [...ended.log, ...(post === undefined ? [] : ['--- post', ...post.log])]
        writeFileSync(join(given.reports, 'logs', `${use.id}.log`), `${log.join('\n')}\n`)
        const { report } = ended.outputs
        if (report !== undefined && existsSync(report))
          copyFileSync(report, join(given.reports, 'reports', `${use.id}.json`))
        return ended
      })
      return {
        ...main,
        done: result,
        told: result.then((ended) => ({
          result: ended,
          told: {
            code: ended.code,
            signal: ended.signal,
            verdict: ended.outputs.verdict ?? '',
            reasonCode: ended.outputs['reason-code'] ?? '',
          },
        })),
      }
    },
    killAll: async () => {
      const left = [...running]
      for (const step of left) step.kill('SIGKILL')
      await Promise.allSettled(left.map(({ done }) => done))
    },
  }
}

/** What a runner gives a step, and nothing of the shell that the rehearsal was started from but the way to programs. */
const runnerEnvironment = (run: number, home: string): Readonly<Record<string, string>> => ({
  PATH: process.env.PATH ?? '',
  HOME: home,
  CI: 'true',
  GITHUB_ACTIONS: 'true',
  GITHUB_REPOSITORY: 'example/support-router',
  GITHUB_RUN_ID: String(run),
  GITHUB_RUN_ATTEMPT: '1',
  GITHUB_JOB: 'canary',
  GITHUB_WORKFLOW: 'deliver',
  GITHUB_SERVER_URL: 'https://github.com',
  GITHUB_REF: 'refs/heads/main',
  GITHUB_SHA: '0'.repeat(40),
  RUNNER_OS: 'Linux',
})
