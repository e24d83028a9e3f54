/** How long the gate takes for a large report, and how much memory, beside `jq length` on the same file: `npm run bench:gates`. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { output } from '../cluster/shell.ts'
import { goalsOf, page, type Results, type Round } from './gates/page.ts'
import { writeSynthetic } from './gates/synthetic.ts'
import { machine } from './spread.ts'

const ROOT = join(import.meta.dirname, '../..')
const ONE = join(import.meta.dirname, 'gates/one.ts')
const USAGE = `usage: npm run bench:gates -- [options]

Writes a made-up report to a temporary folder, and has jq and the gate read it in turn. Writes gates.json and gates.md.

--megabytes 200  of the report (about 500 findings each)
--rounds 7       at least 5, unless it is a trial
--out DIR        where the two files are (docs/benchmarks)
--trial          marks the figures as good for nothing
`

const asked = () => {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    options: {
      ...{ megabytes: { ...text, default: '200' }, rounds: { ...text, default: '7' } },
      ...{ out: { ...text, default: join(ROOT, 'docs/benchmarks') }, trial: { type: 'boolean', default: false } },
    },
  })
  const [megabytes, rounds] = [Number(values.megabytes), Number(values.rounds)]
  if (!(megabytes > 0 && megabytes <= 500)) throw new Error(`--megabytes is from 1 to 500, not "${values.megabytes}"`)
  if (!Number.isInteger(rounds) || rounds < (values.trial ? 1 : 5))
    throw new Error(`--rounds is a number from 5 on (less in a trial), not "${values.rounds}"`)
  return { megabytes, rounds, out: values.out, trial: values.trial }
}

/** ms of the whole process, and what it wrote. */
const timed = (command: string, args: readonly string[]): { readonly ms: number; readonly stdout: string } => {
  const from = performance.now()
  const ended = spawnSync(command, args, { encoding: 'utf8' })
  const ms = Math.round(performance.now() - from)
  if (ended.status !== 0) throw new Error(`${command}: ${ended.error?.message ?? ended.stderr}`)
  return { ms, stdout: ended.stdout }
}

const roundOf = (path: string, withJq: boolean, findings: number): Round => {
  const load = Math.round((loadavg()[0] ?? 0) * 10) / 10
  const jqMs = withJq ? timed('jq', ['length', path]).ms : null
  const { ms, stdout } = timed(process.execPath, [ONE, path])
  const said = JSON.parse(stdout) as Omit<Round, 'jqMs' | 'ms' | 'load'> & { findings: number; verdict: string }
  if (said.findings !== findings || said.verdict !== 'fail')
    throw new Error(`the gate read ${said.findings} of ${findings} findings, and says ${said.verdict}`)
  return { jqMs, ms, readMs: said.readMs, judgeMs: said.judgeMs, peakBytes: said.peakBytes, load }
}

const main = (): number => {
  const { megabytes, rounds, out, trial } = asked()
  const folder = mkdtempSync(join(tmpdir(), 'sluice-gates-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'report.json')
  const { bytes, findings } = writeSynthetic(path, megabytes * 1e6)
  const jq = output('jq', ['--version']) ?? null
  if (jq === null) console.log('There is no jq on PATH: only the gate is timed')
  console.log(`On ${machine()}; ${(bytes / 1e6).toFixed(1)} MB, ${findings} findings; n = ${rounds}`)
  // The first round warms the file cache and is not counted.
  roundOf(path, jq !== null, findings)
  const kept = Array.from({ length: rounds }, () => roundOf(path, jq !== null, findings))
  const results: Results = {
    schema: 'sluice.dev/bench-gates/v1',
    trial,
    machine: machine(),
    jq,
    commit: output('git', ['rev-parse', '--short=12', 'HEAD'], { cwd: ROOT }) ?? 'unknown',
    at: new Date().toISOString(),
    bytes,
    findings,
    rounds: kept,
  }
  mkdirSync(out, { recursive: true })
  writeFileSync(join(out, 'gates.json'), `${JSON.stringify(results, null, 1)}\n`)
  writeFileSync(join(out, 'gates.md'), page(results))
  const goals = goalsOf(results)
  for (const { name, met, came } of goals)
    console.log(`${met === undefined ? '–   ' : met ? 'ok  ' : 'MISS'} ${name}: ${came}`)
  return !trial && goals.some(({ met }) => met === false) ? 1 : 0
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
try {
  process.exitCode = main()
} catch (thrown) {
  console.error(`${thrown instanceof Error ? thrown.message : String(thrown)}\n\n${USAGE}`)
  process.exitCode = 1
}
