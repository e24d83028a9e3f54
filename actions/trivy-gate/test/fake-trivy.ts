import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** One call of the stand-in: what it was given. */
export type Called = {
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly ignored: string
  readonly config: string
}

/**
 * What it does at a scan: `writes` a report and ends well; `fails` with words on its error stream and a code; `hangs`, with a child of its own that holds the pipes, and takes no notice of
 * SIGTERM; ends `silent`, without a report. `partial`: writes, then crashes.
 */
export type Doing =
  | { readonly does: 'writes'; readonly report: unknown }
  | { readonly does: 'partial'; readonly report: unknown }
  | { readonly does: 'fails'; readonly says: string; readonly code: number }
  | { readonly does: 'hangs' }
  | { readonly does: 'silent' }

/** A stand-in for trivy in a folder of its own, for PATH; there is no real one here. `by` chooses by the mirror that is named, `-` for none. */
export const fakeTrivy = (
  folder: string,
  by: Readonly<Record<string, Doing>> | Doing,
  version = '0.72.0',
): { readonly bin: string; readonly calls: () => readonly Called[]; readonly pids: () => readonly number[] } => {
  const bin = join(folder, 'bin')
  mkdirSync(bin, { recursive: true })
  const log = join(folder, 'calls.jsonl')
  const pids = join(folder, 'pids')
  const file = join(bin, 'trivy')
  writeFileSync(file, script({ by, version, log, pids }))
  chmodSync(file, 0o755)
  const linesOf = (path: string): readonly string[] =>
    existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : []
  return {
    bin,
    calls: () => linesOf(log).map((line) => JSON.parse(line) as Called),
    pids: () => linesOf(pids).map(Number),
  }
}

const script = (given: {
  readonly by: unknown
  readonly version: string
  readonly log: string
  readonly pids: string
}): string => `#!${process.execPath}
const { appendFileSync, readFileSync, writeFileSync } = require('node:fs')
const { spawn } = require('node:child_process')
const { by, version, log, pids } = ${JSON.stringify(given)}
const args = process.argv.slice(2)
if (args[0] === '--version') {
  console.log('Version: ' + version + '\\nVulnerability DB:\\n  Version: 2')
  process.exit(0)
}
const option = (name) => { const at = args.indexOf(name); return at < 0 ? undefined : args[at + 1] }
const text = (name) => readFileSync(option(name), 'utf8')
appendFileSync(log, JSON.stringify({ args, env: process.env, ignored: text('--ignorefile'), config: text('--config') }) + '\\n')
const doing = by.does ? by : by[option('--db-repository') ?? '-']
console.error('INFO  looking')
const write = () => writeFileSync(option('--output'), JSON.stringify(doing.report))
if (doing.does === 'writes') write()
if (doing.does === 'partial') { write(); process.kill(process.pid, 'SIGSEGV') }
if (doing.does === 'fails') { console.error(doing.says); process.exitCode = doing.code }
if (doing.does === 'hangs') {
  process.on('SIGTERM', () => {})
  const child = spawn(process.execPath, ['-e', 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)'], { stdio: 'inherit' })
  writeFileSync(pids, process.pid + '\\n' + child.pid + '\\n')
  setInterval(() => {}, 1000)
}
`
