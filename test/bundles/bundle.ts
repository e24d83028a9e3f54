import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What a bundle's process left: its exit code, all it printed, and the runner's files. */
export type Ended = {
  readonly code: number | null
  readonly printed: string
  readonly outputs: string
  readonly summary: string
  /** The report file's text; empty when none was written. */
  readonly report: string
}

/**
 * Runs a bundle as the runner does: inputs as `INPUT_*`, the runner's files given by path, and nothing else of this process's environment
 * but PATH. The home folder is an empty one, so that no kubeconfig of this machine is found.
 */
export const runBundle = async (entry: string, inputs: Readonly<Record<string, string>>): Promise<Ended> => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-bundle-'))
  const files = { GITHUB_OUTPUT: 'output', GITHUB_STEP_SUMMARY: 'summary', GITHUB_STATE: 'state', GITHUB_ENV: 'env' }
  const paths = Object.fromEntries(Object.entries(files).map(([name, file]) => [name, join(folder, file)]))
  for (const path of Object.values(paths)) writeFileSync(path, '')
  const given = Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value])
  try {
    const child = spawn(process.execPath, [entry], {
      cwd: folder,
      env: { PATH: process.env.PATH, HOME: folder, RUNNER_TEMP: folder, ...paths, ...Object.fromEntries(given) },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let printed = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (printed += chunk))
    const code = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve))
    const read = (name: string): string => readFileSync(paths[name] ?? '', 'utf8')
    const outputs = read('GITHUB_OUTPUT')
    const report = /^report<<.*\n(.*)\n/m.exec(outputs)?.[1]
    return {
      code,
      printed,
      outputs,
      summary: read('GITHUB_STEP_SUMMARY'),
      report: report === undefined ? '' : readFileSync(report, 'utf8'),
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A bundle's largest size in bytes, by what is in it. */
export const sizeLimit = (sources: string): number => {
  if (sources.includes('npm @aws-sdk/client-ecr@')) return 1_200_000
  return sources.includes('npm @kubernetes/client-node@') ? 1_100_000 : 700_000
}

/** How much longer than bare Node a bundle may take to start, say that its input is bad, and stop; ms. */
export const startLimit = (sources: string): number => (sources.includes('npm @kubernetes/client-node@') ? 140 : 80)
