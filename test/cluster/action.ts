import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'yaml'

/** How one process of an action ended. `report`: undefined when it wrote none. */
export type Result = {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly outputs: Readonly<Record<string, string>>
  readonly state: Readonly<Record<string, string>>
  readonly summary: string
  readonly log: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look into the report freely
  readonly report: any
  readonly tookMs: number
}

/** A process of an action. `said` resolves once its log holds the text. */
export type Running = {
  readonly child: ChildProcess
  readonly done: Promise<Result>
  said(text: string | RegExp): Promise<void>
  kill(signal: NodeJS.Signals): void
}

export type Inputs = Readonly<Record<string, string>>

const ROOT = join(import.meta.dirname, '../..')

/** Starts an action's bundle as the runner does: inputs as INPUT_*, defaults from action.yml, files for outputs, state and summary. */
export const startAction = (name: string, inputs: Inputs, env: Inputs = {}): Running => {
  const folder = join(ROOT, 'actions', name)
  const home = mkdtempSync(join(tmpdir(), `sluice-${name}-`))
  const temp = join(home, 'temp')
  mkdirSync(temp)
  const files = Object.fromEntries(
    ['OUTPUT', 'STATE', 'STEP_SUMMARY'].map((each) => [`GITHUB_${each}`, join(home, each)]),
  )
  for (const path of Object.values(files)) writeFileSync(path, '')
  const declared = (parse(readFileSync(join(folder, 'action.yml'), 'utf8')) as Manifest).inputs
  for (const input of Object.keys(inputs))
    if (!(input in declared)) throw new Error(`${name} declares no input ${input}`)
  const all = {
    ...Object.fromEntries(Object.entries(declared).map(([input, { default: value }]) => [input, value ?? ''])),
    ...inputs,
  }
  const began = Date.now()
  const child = spawn(
    process.execPath,
    [join(folder, process.env.SLUICE_FROM_SOURCE === undefined ? 'dist/index.js' : 'src/main.ts')],
    {
      cwd: home,
      env: {
        PATH: process.env.PATH ?? '',
        HOME: home,
        GITHUB_REPOSITORY: 'acme/shop',
        GITHUB_RUN_ID: '100',
        GITHUB_RUN_ATTEMPT: '1',
        GITHUB_JOB: 'canary',
        RUNNER_TEMP: temp,
        ...files,
        ...Object.fromEntries(Object.entries(all).map(([input, value]) => [`INPUT_${input.toUpperCase()}`, value])),
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  let log = ''
  const waiting = new Set<() => void>()
  const grow = (part: Buffer): void => {
    log += part.toString()
    for (const look of waiting) look()
  }
  child.stdout.on('data', grow)
  child.stderr.on('data', grow)
  const done = new Promise<Result>((resolve) => {
    child.on('close', (code, signal) => {
      const read = (each: string): string => readFileSync(files[`GITHUB_${each}`] ?? '', 'utf8')
      const outputs = commands(read('OUTPUT'))
      const report = readOr(outputs.report ?? '')
      const result = { code, signal, outputs, state: commands(read('STATE')), summary: read('STEP_SUMMARY') }
      rmSync(home, { recursive: true, force: true })
      resolve({
        ...result,
        log,
        report: report === undefined ? undefined : JSON.parse(report),
        tookMs: Date.now() - began,
      })
      for (const look of waiting) look()
    })
  })
  return {
    child,
    done,
    said: (text) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = typeof text === 'string' ? log.includes(text) : text.test(log)
          if (!found && child.exitCode === null && child.signalCode === null) return
          waiting.delete(look)
          if (found) resolve()
          else reject(new Error(`${name} ended without saying ${text}:\n${log}`))
        }
        waiting.add(look)
        look()
      }),
    kill: (signal) => void child.kill(signal),
  }
}

/** Runs an action's bundle to its end. */
export const runAction = (name: string, inputs: Inputs, env: Inputs = {}): Promise<Result> =>
  startAction(name, inputs, env).done

type Manifest = { readonly inputs: Readonly<Record<string, { readonly default?: string }>> }

const readOr = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/** The runner's command files: `name<<delimiter`, the value's lines, the delimiter. */
const commands = (text: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    [...text.matchAll(/^(.+?)<<(.+)\n([\s\S]*?)\n?\2$/gm)].map(([, name = '', , value = '']) => [name, value]),
  )
