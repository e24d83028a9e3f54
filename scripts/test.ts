import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { runNode } from './process.ts'

/** How many checks and tests ended how. */
export type Tally = { readonly passed: number; readonly failed: number; readonly skipped: number }

const ROOT = join(import.meta.dirname, '..')

/** Every check of the repository that is not a vitest file, in the order they run: the quick ones first. */
const CHECKS: readonly { readonly name: string; readonly args: readonly string[] }[] = [
  { name: 'lint', args: ['node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings'] },
  { name: 'types', args: ['node_modules/typescript/bin/tsc', '-p', '.'] },
  { name: 'README tables', args: ['scripts/readme-tables.ts', '--check'] },
  { name: 'published workflows', args: ['scripts/workflows.ts', '--check'] },
  { name: 'pinned actions', args: ['scripts/pins.ts', '--check'] },
  { name: 'schema keys', args: ['scripts/schema-keys.ts', '--check'] },
  { name: 'tree', args: ['scripts/tree.ts', '--check'] },
  { name: 'bundles', args: ['scripts/build.ts', '--check'] },
]

/** What vitest's JSON report counts. A file that could not be loaded has no tests: it counts as one failure. */
export const tallyOf = (report: {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly numTodoTests: number
  readonly testResults: readonly { readonly status: string; readonly assertionResults: readonly unknown[] }[]
}): Tally => {
  const unloaded = report.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
  )
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + unloaded.length,
    skipped: report.numPendingTests + report.numTodoTests,
  }
}

/** The last line: what `.ci/run` and people read. */
export const lastLine = ({ passed, failed, skipped }: Tally): string =>
  `${passed} passed, ${failed} failed, ${skipped} skipped`

/** Sums tallies. */
export const sum = (tallies: readonly Tally[]): Tally => ({
  passed: tallies.reduce((total, { passed }) => total + passed, 0),
  failed: tallies.reduce((total, { failed }) => total + failed, 0),
  skipped: tallies.reduce((total, { skipped }) => total + skipped, 0),
})

const check = async ({ name, args }: (typeof CHECKS)[number]): Promise<Tally> => {
  const { code, output, seconds } = await timed(args, false)
  console.log(`${code === 0 ? 'ok  ' : 'FAIL'} ${name} (${seconds} s)`)
  if (code !== 0) console.log(output.trimEnd().replace(/^/gm, '     '))
  return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 }
}

const tests = async (filters: readonly string[]): Promise<Tally> => {
  const folder = join(ROOT, '.build')
  const report = join(folder, `tests-${process.pid}.json`)
  mkdirSync(folder, { recursive: true })
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  const { code, seconds } = await timed(['node_modules/vitest/vitest.mjs', 'run', ...reporters, ...filters], true)
  const tally = existsSync(report) ? tallyOf(JSON.parse(readFileSync(report, 'utf8'))) : sum([])
  rmSync(report, { force: true })
  console.log(`${code === 0 ? 'ok  ' : 'FAIL'} tests (${seconds} s): ${lastLine(tally)}`)
  // An error outside any test fails vitest but no test.
  return code !== 0 && tally.failed === 0 ? sum([tally, { passed: 0, failed: 1, skipped: 0 }]) : tally
}

const timed = async (args: readonly string[], show: boolean) => {
  const from = performance.now()
  const finished = await runNode(args, { cwd: ROOT, show })
  return { ...finished, seconds: ((performance.now() - from) / 1000).toFixed(1) }
}

/** Whole deliveries: minutes of real holds and leases, whose verdicts need a machine that is not busy with something else. So they have a command of their own. */
const DELIVERY = 'test/delivery'
/** Images built by the real BuildKit and pushed to real registries. It needs root; where it cannot run, each of its tests counts as skipped. */
const IMAGES = 'test/images'
/** What needs a real Kubernetes. Its files share one cluster; most of them wait most of the time, so two run side by side. */
const CLUSTER = 'test/cluster'
/** Files that take the cluster from the others, look at the whole machine, or judge by seconds: one after the other, when the rest is through. */
const ALONE = ['outages', 'sources', 'machine', 'rehearsal', 'shares'].map((name) => `${CLUSTER}/${name}.test.ts`)
// Real pods on two cores now and then miss a moment that a test waits for; what fails twice is wrong. Whoever is first makes the images of all.
const PATIENT = ['--retry=1', '--hookTimeout=180000']

/** Brings a cluster of its own up, runs what needs one, and takes it down again, whatever happened. Where none can run, all of it counts as skipped. */
const onCluster = async (options: readonly string[]): Promise<Tally> => {
  const cluster = (order: string) => timed([`${CLUSTER}/cluster.ts`, order, '--name', 'test'], true)
  if ((await cluster('can')).code !== 0) {
    const files = readdirSync(join(ROOT, CLUSTER)).filter((name) => name.endsWith('.test.ts'))
    console.log(`skip tests on a real cluster: the ${files.length} files of ${CLUSTER}`)
    return { passed: 0, failed: 0, skipped: files.length }
  }
  process.env.SLUICE_CLUSTER = 'test'
  try {
    const started = await cluster('up')
    console.log(`${started.code === 0 ? 'ok  ' : 'FAIL'} cluster up (${started.seconds} s)`)
    if (started.code !== 0) return { passed: 0, failed: 1, skipped: 0 }
    const together = await tests([`${CLUSTER}/`, ...ALONE.map((file) => `--exclude=${file}`), ...PATIENT, ...options])
    const alone = await tests([...ALONE, '--no-file-parallelism', ...PATIENT, ...options])
    return sum([{ passed: 1, failed: 0, skipped: 0 }, together, alone])
  } finally {
    await cluster('down')
  }
}

if (import.meta.main) {
  const tallies: Tally[] = []
  const [first, ...rest] = process.argv.slice(2)
  if (first === '--delivery') tallies.push(await tests([`${DELIVERY}/`, '--no-file-parallelism', ...rest]))
  else if (first === '--images') {
    // Before the tests, as two files would build the same programs beside each other.
    await timed([`${IMAGES}/prepare.ts`], true)
    tallies.push(await tests([`${IMAGES}/`, ...rest]))
  } else if (first === '--cluster') tallies.push(await onCluster(rest))
  else {
    for (const each of CHECKS) tallies.push(await check(each))
    const own = [DELIVERY, IMAGES, CLUSTER].map((folder) => `--exclude=${folder}/**`)
    tallies.push(await tests([...own, ...process.argv.slice(2)]))
  }
  const total = sum(tallies)
  console.log(lastLine(total))
  process.exitCode = total.failed === 0 ? 0 : 1
}
