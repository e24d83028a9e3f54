import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll } from 'vitest'
import type { JobRequest, JobResult, RunningJob, Source } from '../../src/execution.ts'
import { startJob } from '../../src/job/job.ts'
import { parseWorkflowFile } from '../../src/language/parse.ts'
import type { Json } from '../../src/template.ts'
import type { NormalJob, Workflow } from '../../src/workflow.ts'

/** What a test gives a job besides its YAML. */
export type Given = {
  readonly contexts?: Readonly<Record<string, Json>>
  /** Actions by what `uses` names. */
  readonly actions?: Readonly<Record<string, Source>>
  /** Files of the repository, committed. */
  readonly files?: Readonly<Record<string, string>>
  readonly env?: Readonly<Record<string, string>>
  readonly timeoutMinutes?: number
  /** From a cancel to the forced end, ms. */
  readonly bound?: number
  /** What stands beside `jobs` in the workflow. */
  readonly workflow?: string
}

/** A job that a test started, its machine's folder and what its log said so far. */
export type Started = RunningJob & {
  readonly directory: string
  readonly said: string[]
  readonly sha: string
  /** Resolves when the log has a line that holds this. */
  readonly saw: (text: string) => Promise<void>
}

/** Starts a job given as YAML, without its id. All that is made is removed when the file's tests have ended. */
export const start = (yaml: string, given: Given = {}): Started => {
  const directory = temporary()
  const repository = join(directory, 'repository')
  const sha = repositoryAt(repository, given.files ?? {})
  const { workflow, job } = parsed(yaml, given.workflow ?? '')
  const said: string[] = []
  const waiting = new Set<() => void>()
  const home = { repository: 'octo/shop', folder: repository, sha }
  const request: JobRequest = {
    ids: [job.id],
    name: job.id,
    job,
    workflow,
    contexts: {
      github: {
        token: 'ghs_token',
        repository: 'octo/shop',
        repository_owner: 'octo',
        sha,
        ref: 'refs/heads/main',
        ref_name: 'main',
        run_id: '7',
        run_attempt: '1',
        job: job.id,
        event_name: 'push',
        event: { after: sha },
        server_url: 'https://github.com',
      },
      vars: {},
      secrets: {},
      inputs: {},
      needs: {},
      strategy: {},
      matrix: {},
      job: { workflow_ref: 'octo/shop/.github/workflows/a.yml@refs/heads/main' },
      ...given.contexts,
    },
    home,
    checkout: { ...home, ref: 'refs/heads/main' },
    resolve: (uses, from) => given.actions?.[uses] ?? fromHome(uses, from),
    timeoutMinutes: given.timeoutMinutes ?? 1,
    env: { PATH: process.env.PATH ?? '', ...given.env },
    directory: join(directory, 'machine'),
    say: (line) => {
      said.push(line)
      for (const look of waiting) look()
    },
  }
  mkdirSync(request.directory)
  const saw = (text: string): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => (said.some((line) => line.includes(text)) ? resolve() : undefined)
      waiting.add(look)
      look()
    })
  return { ...startJob(request, given.bound), directory: request.directory, said, sha, saw }
}

/** Runs a job to its end. */
export const result = (yaml: string, given: Given = {}): Promise<JobResult> => start(yaml, given).done

/** An action's folder made of its files; `main.mjs` and others are plain scripts. */
export const action = (files: Readonly<Record<string, string>>, repository = 'octo/actions'): Source => {
  const folder = temporary()
  write(folder, files)
  return { kind: 'folder', folder, repository, ref: 'v1', sha: 'f'.repeat(40) }
}

/** Waits until a condition holds, for 5 s at most. */
export const until = async (holds: () => boolean): Promise<void> => {
  for (let tries = 0; !holds() && tries < 250; tries++) await new Promise((resolve) => setTimeout(resolve, 20))
}

const fromHome = (uses: string, home: JobRequest['home']): Source =>
  uses.startsWith('$/')
    ? { kind: 'folder', ...home, folder: join(home.folder, uses.slice(2)), ref: home.sha }
    : uses.startsWith('actions/checkout@')
      ? { kind: 'checkout' }
      : { kind: 'missing', text: `Unable to resolve action \`${uses}\`, repository not found` }

const parsed = (yaml: string, more: string): { readonly workflow: Workflow; readonly job: NormalJob } => {
  const body = yaml.replace(/^\n/, '').replace(/^/gm, '    ')
  const text = `on: push\n${more}\njobs:\n  it:\n    runs-on: ubuntu-latest\n${body}\n`
  const file = parseWorkflowFile(text, '.github/workflows/a.yml')
  if (file.kind === 'wrong') throw new Error(`${JSON.stringify(file.problems)}\n${text}`)
  const [job] = file.workflow.jobs
  if (job?.kind !== 'job') throw new Error('no job')
  return { workflow: file.workflow, job }
}

const made: string[] = []
// Tests run side by side: what they made goes when the last one has ended.
afterAll(() => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true })
})

const temporary = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-job-'))
  made.push(folder)
  return folder
}

const write = (folder: string, files: Readonly<Record<string, string>>): void => {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
}

const repositoryAt = (folder: string, files: Readonly<Record<string, string>>): string => {
  write(folder, files)
  if (Object.keys(files).length === 0) return '0'.repeat(40)
  const env = { PATH: process.env.PATH ?? '', GIT_CONFIG_GLOBAL: '/dev/null' }
  const git = (...words: string[]): string =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...words], { cwd: folder, env })
      .toString()
      .trim()
  git('init', '--quiet', '--initial-branch=main')
  git('add', '.')
  git('commit', '--quiet', '-m', 'one')
  return git('rev-parse', 'HEAD')
}
