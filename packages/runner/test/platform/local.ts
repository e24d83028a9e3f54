import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { StandIn } from '@sluice/runner/execution'
import type { Happening, Platform, PlatformOptions } from '@sluice/runner/github'
import { createPlatform } from '@sluice/runner/platform/platform'
import type { JobTrace, RunTrace } from '@sluice/runner/trace'

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
  readonly close: () => Promise<void>
}

/** A workflow file's text: `on` and what comes under `jobs`, two spaces in. */
export const workflow = (on: string, jobs: string, top = ''): string =>
  `name: ${on.split(/\W/)[0]}\non: ${on}\n${top}\njobs:\n${jobs}`

/** Jobs that do one thing: `uses: act/on` with `end`, `output` and `until`, a word that the test says. */
export const act = (given: string): string =>
  `{ runs-on: x, outputs: { out: '\${{ steps.it.outputs.out }}' }, steps: [{ id: it, uses: act/on@v1, with: { ${given} } }] }`

/** Makes a repository with these workflow files (by name) and other files (by path), and a platform over it. */
export const local = async (
  files: Readonly<Record<string, string>>,
  options: Partial<PlatformOptions> = {},
): Promise<Local> => {
  const root = mkdtempSync(join(tmpdir(), 'sluice-platform-'))
  const folder = join(root, 'repository')
  mkdirSync(folder)
  const git = (...args: readonly string[]): string =>
    execFileSync('git', ['-C', folder, '-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  git('init', '-q', '-b', 'main')
  const commit: Local['commit'] = (more, branch = 'main') => {
    const branches = git('branch', '--list', branch)
    if (branch !== 'main') git('checkout', '-q', ...(branches ? [branch] : ['-b', branch]))
    for (const [name, text] of Object.entries(more)) {
      const path = join(folder, name.includes('/') ? name : `.github/workflows/${name}`)
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, text)
    }
    git('add', '-A')
    git('commit', '-q', '--allow-empty', '-m', 'Change')
    const sha = git('rev-parse', 'HEAD').trim()
    if (branch !== 'main') git('checkout', '-q', 'main')
    return sha
  }
  commit(files)
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
  const platform = await createPlatform({
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
  })
  return {
    platform,
    folder,
    happened,
    commit,
    acted,
    let: (name) => word(name).resolve(),
    close: async () => {
      await platform.close()
      rmSync(root, { recursive: true, force: true })
    },
  }
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
