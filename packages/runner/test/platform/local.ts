import { execFileSync } from 'node:child_process'
import { accessSync, constants, cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { JobRequest, RunningJob, StandIn } from '@sluice/runner/execution'
import type { Happening, Platform, PlatformOptions } from '@sluice/runner/github'
import { startJob } from '@sluice/runner/job/job'
import { createPlatform } from '@sluice/runner/platform/platform'
import type { JobTrace, RunTrace } from '@sluice/runner/trace'
import { afterAll, onTestFinished } from 'vitest'

/** A local GitHub over a repository of its own. */
export type Local = {
  readonly platform: Platform
  readonly folder: string
  /** What happened, one line each: `job-started 1 a / b`. */
  readonly happened: string[]
  /** Files added to or changed in a commit of a branch. */
  readonly commit: (files: Readonly<Record<string, string>>, branch?: string) => string
  /** The inputs that every action was called with, by the job's ids. */
  readonly acted: { readonly job: string; readonly inputs: Readonly<Record<string, string>> }[]
  /** Lets the jobs that wait for this word go on. */
  readonly let: (word: string) => void
  /** Waits until a line such as `job-waiting 1 deploy` has happened. */
  readonly seen: (line: string) => Promise<void>
  /** Pushes the default branch and waits for its only run. */
  readonly pushed: () => Promise<RunTrace>
}

/** Machines are made of many small folders: where there is a file system in memory, it takes a tenth of the time. */
export const SCRATCH = ((): string => {
  try {
    accessSync('/dev/shm', constants.W_OK)
    return '/dev/shm'
  } catch {
    return tmpdir()
  }
})()

type Yaml = Readonly<Record<string, unknown>>

/** A workflow file's text; JSON is YAML. */
export const workflow = (on: unknown, jobs: Yaml, top: Yaml = {}): string =>
  JSON.stringify({ on, ...top, jobs }, null, 1)

/** A job of one step, which does as it is told: `end: failure`, `output`, and `until` for a word that the test lets go. Its output is `out`. */
export const job = (given: Yaml = {}, told: Readonly<Record<string, string>> = {}): Yaml => ({
  'runs-on': 'ubuntu-latest',
  outputs: { out: x('steps.it.outputs.out') },
  steps: [{ id: 'it', uses: 'act/on@v1', with: told }],
  ...given,
})

/** An expression as a file has it. */
export const x = (source: string): string => `\${{ ${source} }}`

/** Makes a repository with these workflow files (by name) and other files (by path), and a platform over it. */
export const local = async (
  files: Readonly<Record<string, string>>,
  options: Partial<PlatformOptions> = {},
  through: (request: JobRequest, start: typeof startJob) => RunningJob = (request, start) => start(request),
): Promise<Local> => {
  const root = mkdtempSync(join(SCRATCH, 'sluice-platform-'))
  const folder = join(root, 'repository')
  cpSync(emptyRepository(), folder, { recursive: true })
  const committed = (more: Readonly<Record<string, string>>, branch: string): void =>
    void execFileSync('git', ['-C', folder, 'fast-import', '--quiet'], { input: importOf(more, branch, folder) })
  const commit: Local['commit'] = (more, branch = 'main') => {
    committed(more, branch)
    return execFileSync('git', ['-C', folder, 'rev-parse', branch], { encoding: 'utf8' }).trim()
  }
  committed(files, 'main')
  const happened: string[] = []
  const acted: Local['acted'] = []
  const words = new Map<string, PromiseWithResolvers<void>>()
  const word = (name: string): PromiseWithResolvers<void> => {
    const found = words.get(name) ?? Promise.withResolvers<void>()
    words.set(name, found)
    return found
  }
  const acts: StandIn = async ({ inputs, job, cancelled }) => {
    acted.push({ job, inputs })
    if (inputs.until) {
      const stopped = new Promise<void>((resolve) =>
        cancelled.addEventListener('abort', () => resolve(), { once: true }),
      )
      await Promise.race([word(inputs.until).promise, stopped])
    }
    return { conclusion: inputs.end === 'failure' ? 'failure' : 'success', outputs: { out: inputs.output ?? '' } }
  }
  const { on, ...rest } = options
  const platform = await createPlatform(
    {
      repository: { name: 'acme/shop', folder, defaultBranch: 'main' },
      published: {},
      actions: {},
      standIns: { 'act/on': acts },
      env: { PATH: process.env.PATH ?? '' },
      directory: join(root, 'machines'),
      noticedAfter: 1,
      on: (happening: Happening) => {
        on?.(happening)
        if (happening.kind !== 'line') happened.push(told(happening))
      },
      ...rest,
    },
    (request) => through(request, startJob),
  )
  onTestFinished(async () => {
    await platform.close()
    rmSync(root, { recursive: true, force: true })
  })
  return {
    platform,
    folder,
    happened,
    commit,
    acted,
    let: (name) => word(name).resolve(),
    seen: async (line) => {
      for (let waits = 0; !happened.includes(line); waits += 1) {
        if (waits > 2000) throw new Error(`${line} did not happen, but ${happened.join(', ')}`)
        await new Promise((resolve) => setTimeout(resolve, 2))
      }
    },
    pushed: () => {
      const [run, ...more] = platform.push()
      if (run === undefined || more.length > 0) throw new Error(`the push started ${more.length + (run ? 1 : 0)} runs`)
      return run.done
    },
  }
}

let empty: string | undefined
afterAll(() => {
  if (empty !== undefined) rmSync(empty, { recursive: true, force: true })
})
/** Starting git is what takes long: one repository is made for all tests of a file, and copied. */
const emptyRepository = (): string => {
  if (empty === undefined) {
    empty = mkdtempSync(join(SCRATCH, 'sluice-empty-'))
    execFileSync('git', ['-C', empty, 'init', '-q', '-b', 'main', '--template='])
  }
  return empty
}

const importOf = (files: Readonly<Record<string, string>>, branch: string, folder: string): string => {
  const has = (name: string): boolean => existsSync(join(folder, '.git/refs/heads', name))
  const parent = has(branch) ? `from refs/heads/${branch}^0\n` : has('main') ? 'from refs/heads/main^0\n' : ''
  const data = (text: string): string => `data ${Buffer.byteLength(text)}\n${text}\n`
  const changes = Object.entries(files).map(([name, text]) => {
    const path = name.includes('/') ? name : `.github/workflows/${name}`
    return `M 100644 inline ${path}\n${data(text)}`
  })
  return `commit refs/heads/${branch}\ncommitter t <t@example.com> 1700000000 +0000\n${data('Change')}${parent}${changes.join('')}\n`
}

/** How each job ended: `a success; b / c skipped`. */
export const ends = (trace: RunTrace): string =>
  trace.jobs.map(({ path, conclusion }) => `${path} ${conclusion}`).join('; ')

/** A job by the end of its path. */
export const jobIn = (trace: RunTrace, end: string): JobTrace => {
  const found = trace.jobs.find(({ path }) => path === end || path.endsWith(` / ${end}`))
  if (found === undefined) throw new Error(`no job ${end} in ${ends(trace)}${trace.refused}${trace.why}`)
  return found
}

const told = (happening: Exclude<Happening, { readonly kind: 'line' }>): string => {
  if (happening.kind === 'run-started') return `${happening.kind} ${happening.run}`
  if (happening.kind === 'run-ended') return `${happening.kind} ${happening.run.id}`
  const path = happening.kind === 'job-ended' ? happening.job.path : happening.job
  return `${happening.kind} ${happening.run} ${path}`
}
