import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'yaml'

const ROOT = join(import.meta.dirname, '..')

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

/**
 * Runs the action's main as the runner does: inputs as INPUT_*, defaults from action.yml, files for outputs and summary.
 */
export const runAction = async (
  inputs: Readonly<Record<string, string>>,
  { env = {}, cwd, started, seen }: RunOptions = {},
): Promise<Ran> => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-test-'))
  const files = { GITHUB_OUTPUT: join(folder, 'output'), GITHUB_STEP_SUMMARY: join(folder, 'summary') }
  for (const file of Object.values(files)) writeFileSync(file, '')
  const declared = parse(readFileSync(join(ROOT, 'action.yml'), 'utf8')).inputs as Record<string, { default?: string }>
  for (const name of Object.keys(inputs))
    if (!(name in declared)) throw new Error(`action.yml declares no input ${name}`)
  const all = {
    ...Object.fromEntries(Object.entries(declared).map(([name, { default: value }]) => [name, value ?? ''])),
    ...inputs,
  }
  const given = Object.fromEntries(Object.entries(all).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value]))
  try {
    const child = spawn(process.execPath, [join(ROOT, 'src/main.ts')], {
      cwd: cwd ?? folder,
      env: {
        PATH: process.env.PATH ?? '',
        HOME: folder,
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

/** A real server on a free port. */
export const serve = async (answer: RequestListener): Promise<{ url: string; server: Server; close(): void }> => {
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    server,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

const outputsOf = (text: string): Record<string, string> =>
  Object.fromEntries(
    [...text.matchAll(/^(.+?)<<(ghadelimiter_\S+)\n([\s\S]*?)\n?\2$/gm)].map(([, name = '', , value = '']) => [
      name,
      value,
    ]),
  )
