import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** The version that the exceptions were written for. */
const VERSION = '1.30.1'

/** Where zizmor lies, or why it cannot be had here. */
export type Zizmor = { readonly binary: string } | { readonly absent: string }

/**
 * zizmor as the Python package of that name ships it, put into the checkout's own cache once; nothing else of this machine is changed. Needs python3 with
 * pip, and the package index the first time.
 */
export const zizmor = async (root: string): Promise<Zizmor> => {
  const home = join(root, '.cache', `zizmor-${VERSION}`)
  const binary = join(home, 'bin', process.platform === 'win32' ? 'zizmor.exe' : 'zizmor')
  if (existsSync(binary)) return { binary }
  mkdirSync(dirname(home), { recursive: true })
  // Into a folder of its own first: another test run may be doing the same, and one that is killed must leave nothing half there.
  const fresh = mkdtempSync(`${home}-`)
  try {
    const quick = ['--quiet', '--retries', '1', '--timeout', '10', '--disable-pip-version-check']
    const exact = ['--no-deps', '--only-binary', ':all:', '--target', fresh, `zizmor==${VERSION}`]
    await run('python3', ['-m', 'pip', 'install', ...quick, ...exact], { timeout: 120_000 })
    if (!existsSync(binary)) renameSync(fresh, home)
    return { binary }
  } catch (error) {
    if (existsSync(binary)) return { binary }
    return { absent: `zizmor ${VERSION} cannot be had: ${String(error).split('\n').slice(0, 2).join(' ')}` }
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
}

/** What zizmor finds in a tree, at its strictest that still speaks of faults, without asking anybody: `file rule`, sorted. */
export const findingsOf = async (binary: string, cwd: string, paths: readonly string[]): Promise<readonly string[]> => {
  const strict = ['--offline', '--strict-collection', '--persona', 'pedantic', '--config', '.github/zizmor.yml']
  const args = ['--quiet', '--format', 'json', '--no-exit-codes', ...strict, ...paths]
  const { stdout } = await run(binary, args, { cwd, maxBuffer: 64 * 1024 * 1024 })
  const found: readonly Finding[] = JSON.parse(stdout)
  return found
    .filter(({ ignored }) => !ignored)
    .map(({ ident, locations }) => `${locations[0]?.symbolic.key.Local?.verbatim_path} ${ident}`)
    .sort()
}

type Finding = {
  readonly ident: string
  readonly ignored: boolean
  readonly locations: readonly {
    readonly symbolic: { readonly key: { readonly Local?: { readonly verbatim_path: string } } }
  }[]
}
