import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { JobRequest, Source } from '../execution.ts'
import type { PlatformOptions } from '../github.ts'
import { parseWorkflowFile, type WorkflowFile } from '../language/parse.ts'
import type { Files, Home } from './load.ts'
import { NO_COMMIT, type Repository } from './repository.ts'

/** The files of the run's own repository at its commit, and of published repositories as they lie on this machine. */
export const filesOf = (options: PlatformOptions, repository: Repository): Files => {
  const parsed = new Map<string, WorkflowFile>()
  const parse = (text: string, path: string): WorkflowFile => {
    const key = `${path}\n${text}`
    const found = parsed.get(key) ?? parseWorkflowFile(text, path)
    parsed.set(key, found)
    return found
  }
  const { name: own, folder } = options.repository
  return {
    workflow: (home, path) => {
      const text =
        home.repository.toLowerCase() === own.toLowerCase()
          ? repository.read(home.sha, path)
          : readIfThere(join(home.folder, path))
      return text === undefined ? undefined : parse(text, path)
    },
    repository: (name, ref) => {
      if (name.toLowerCase() === own.toLowerCase()) {
        const sha = repository.commitOf(ref)
        return sha === undefined ? undefined : { repository: own, folder, sha, ref: shownRef(ref) }
      }
      const found = Object.entries(options.published).find(([key]) => key.toLowerCase() === name.toLowerCase())
      return found && { repository: found[0], folder: found[1], sha: shaOf(found[1]), ref: shownRef(ref) }
    },
  }
}

/**
 * Finds what a step's `uses` names: a stand-in before anything else, then what the table of actions says, then published repositories; `$/` and the run's own
 * repository at the commit that the file is of.
 * @param cache where folders of the run's own repository are written, each commit once
 */
export const resolver = (
  options: PlatformOptions,
  { repository, files, cache }: { readonly repository: Repository; readonly files: Files; readonly cache: string },
): JobRequest['resolve'] => {
  const at = (home: Home, path: string): Source => {
    const { repository: name, sha, ref } = home
    const isOwn = name.toLowerCase() === options.repository.name.toLowerCase()
    const root = isOwn ? extracted(home.sha, path) : home.folder
    const folder = join(root, path)
    if (!['action.yml', 'action.yaml'].some((file) => existsSync(join(folder, file))))
      return missing(`Can't find 'action.yml' or 'action.yaml' under ${name}/${path}@${ref}`)
    return { kind: 'folder', folder, repository: name, ref, sha }
  }
  const extracted = (sha: string, path: string): string => {
    const into = join(cache, sha)
    if (!existsSync(join(into, path)) && repository.has(sha, path)) {
      mkdirSync(into, { recursive: true })
      repository.extract(sha, path, into)
    }
    return into
  }
  return (uses, home) => {
    const [name = '', ref = ''] = uses.split('@')
    const act = options.standIns?.[name]
    if (act) return { kind: 'stand-in', act }
    const given = options.actions[name]
    if (given) return { kind: 'folder', folder: given, repository: name, ref, sha: ref }
    if (name.toLowerCase() === 'actions/checkout') return { kind: 'checkout' }
    if (uses.startsWith('docker://')) return missing(`${uses}: container actions are not done by this runner`)
    if (name.startsWith('$/')) return at({ ...home, ref: refIn(home) }, name.slice(2))
    const [owner = '', repo = '', ...path] = name.split('/')
    const found = repo === '' ? undefined : files.repository(`${owner}/${repo}`, ref)
    return found ? at(found, path.join('/')) : missing(`Unable to resolve action \`${uses}\`, repository not found`)
  }
}

const refIn = (home: JobRequest['home']): string =>
  'ref' in home && typeof home.ref === 'string' ? home.ref : home.sha
const missing = (text: string): Source => ({ kind: 'missing', text })

/** A branch or a tag by its full name, as GitHub shows it; a commit as it is. */
const shownRef = (ref: string): string => {
  if (/^[0-9a-f]{40}$/.test(ref) || ref.startsWith('refs/')) return ref
  return /^v?\d/.test(ref) ? `refs/tags/${ref}` : `refs/heads/${ref}`
}

/** The commit of a published repository's checkout; zeros where it is none. Read from git's files where they say it: starting git takes longer. */
const shaOf = (folder: string): string => {
  const head = readIfThere(join(folder, '.git/HEAD'))?.trim() ?? ''
  const named = head.startsWith('ref: ') ? readIfThere(join(folder, '.git', head.slice(5)))?.trim() : head
  if (named !== undefined && /^[0-9a-f]{40}$/.test(named)) return named
  try {
    return execFileSync('git', ['-C', folder, 'rev-parse', 'HEAD'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  } catch {
    return NO_COMMIT
  }
}

const readIfThere = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
