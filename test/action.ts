import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'yaml'

/** What a runner sees of an action that it ran. */
export type Ran = {
  readonly code: number | null
  readonly log: string
  readonly outputs: Readonly<Record<string, string>>
  readonly summary: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look into the report freely
  readonly report: any
  /** From the signal to the process's end. */
  readonly afterSignalMs: number
}

/** `started` gets a way to send the process one signal, `seen` the log so far whenever it grows. */
export type RunOptions = {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly started?: (kill: (signal: NodeJS.Signals) => void) => void
  readonly seen?: (log: string) => void
}

// Types are stripped and modules compiled once for all processes of a test run, and of the next: starting one takes half the time.
const COMPILED = join(import.meta.dirname, '../node_modules/.cache/compiled')

/**
 * Runs an action's main as the runner does: inputs as INPUT_*, defaults from action.yml, files for outputs and summary.
 * @param root the action's folder
 */
export const actionAt =
  (root: string) =>
  async (inputs: Readonly<Record<string, string>>, { env = {}, cwd, started, seen }: RunOptions = {}): Promise<Ran> => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-test-'))
    const files = { GITHUB_OUTPUT: join(folder, 'output'), GITHUB_STEP_SUMMARY: join(folder, 'summary') }
    for (const file of Object.values(files)) writeFileSync(file, '')
    const declared = parse(readFileSync(join(root, 'action.yml'), 'utf8')).inputs as Record<
      string,
      { default?: string }
    >
    for (const name of Object.keys(inputs))
      if (!(name in declared)) throw new Error(`action.yml declares no input ${name}`)
    const all = {
      ...Object.fromEntries(Object.entries(declared).map(([name, { default: value }]) => [name, value ?? ''])),
      ...inputs,
    }
    const given = Object.fromEntries(Object.entries(all).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value]))
    try {
      const child = spawn(process.execPath, [join(root, 'src/main.ts')], {
        cwd: cwd ?? folder,
        env: {
          PATH: process.env.PATH ?? '',
          HOME: folder,
          NODE_COMPILE_CACHE: COMPILED,
          RUNNER_TEMP: folder,
          GITHUB_ACTIONS: 'true',
          GITHUB_ACTION: 'step',
          GITHUB_RUN_ID: '42',
          ...files,
          ...given,
          ...env,
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      let signalled = Number.NaN
      started?.((signal) => {
        if (!Number.isNaN(signalled)) return
        signalled = performance.now()
        child.kill(signal)
      })
      let log = ''
      const grow = (chunk: Buffer): void => {
        log += chunk.toString()
        seen?.(log)
      }
      child.stdout.on('data', grow)
      child.stderr.on('data', grow)
      const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
      const outputs = outputsOf(readFileSync(files.GITHUB_OUTPUT, 'utf8'))
      const report = outputs.report === undefined ? undefined : JSON.parse(readFileSync(outputs.report, 'utf8'))
      const summary = readFileSync(files.GITHUB_STEP_SUMMARY, 'utf8')
      return { code, log, outputs, summary, report, afterSignalMs: performance.now() - signalled }
    } finally {
      rmSync(folder, { recursive: true })
    }
  }

const outputsOf = (text: string): Record<string, string> =>
  Object.fromEntries(
    [...text.matchAll(/^(.+?)<<(ghadelimiter_\S+)\n([\s\S]*?)\n?\2$/gm)].map(([, name = '', , value = '']) => [
      name,
      value,
    ]),
  )
