import { execFileSync } from 'node:child_process'
import { Fault } from '@sluice/kit/faults'

/** A git repository as runs see it: by commit, never by its working tree. */
export type Repository = {
  /** The commit at the tip of a branch. @throws Fault('input') when there is no such branch */
  readonly headOf: (branch: string) => string
  /** A file's text at a commit; undefined when it is not there. */
  readonly read: (sha: string, path: string) => string | undefined
  /** The workflow files that GitHub sees at a commit: those directly in `.github/workflows`. */
  readonly workflowFiles: (sha: string) => readonly string[]
  /** The paths that a push from one commit to another changed; the first commit of a branch changed all its files. */
  readonly changed: (before: string, sha: string) => readonly string[]
  readonly commit: (sha: string) => Commit
  /** The commit that a branch, a tag or a SHA names; undefined when there is none. */
  readonly commitOf: (ref: string) => string | undefined
  readonly has: (sha: string, path: string) => boolean
  /** Writes one folder as it was at a commit. */
  readonly extract: (sha: string, path: string, into: string) => void
}

/** A commit as an event's payload names it. */
export type Commit = {
  readonly id: string
  readonly parent: string
  readonly message: string
  readonly author: string
  readonly email: string
  /** ISO 8601. */
  readonly timestamp: string
}

/** What GitHub gives as the commit before the first one. */
export const NO_COMMIT = '0'.repeat(40)

/** Looks at a local checkout through git. What a commit holds never changes, so each answer is kept. */
export const openRepository = (folder: string): Repository => {
  const git = (...args: readonly string[]): string =>
    execFileSync('git', ['-C', folder, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      maxBuffer: 256 * 1024 * 1024,
    })
  const files = kept((sha: string) =>
    git('ls-tree', '--name-only', sha, '.github/workflows/').split('\n').filter(isWorkflow).sort(),
  )
  const texts = kept((key: string) => {
    try {
      return git('show', key)
    } catch {
      return undefined
    }
  })
  const commits = kept((sha: string): Commit => {
    const format = ['%H', '%P', '%an', '%ae', '%cI', '%B'].join('%x00')
    const [id = sha, parents = '', author = '', email = '', timestamp = '', message = ''] = git(
      'show',
      '-s',
      `--format=${format}`,
      sha,
    ).split('\0')
    return { id, parent: parents.split(' ')[0] || NO_COMMIT, message: message.trim(), author, email, timestamp }
  })
  return {
    headOf: (branch) => {
      try {
        return git('rev-parse', '--verify', '--quiet', `refs/heads/${branch}^{commit}`).trim()
      } catch {
        throw new Fault('input', `${folder} has no branch ${branch}`, 'Commit something on it first')
      }
    },
    read: (sha, path) => texts(`${sha}:${path}`),
    workflowFiles: files,
    changed: (before, sha) =>
      before === NO_COMMIT
        ? git('ls-tree', '-r', '--name-only', sha).split('\n').filter(Boolean)
        : git('diff', '--name-only', before, sha).split('\n').filter(Boolean),
    commit: commits,
    commitOf: (ref) => {
      try {
        return git('rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`).trim()
      } catch {
        return undefined
      }
    },
    has: (sha, path) => {
      try {
        git('cat-file', '-e', `${sha}:${path}`)
        return true
      } catch {
        return false
      }
    },
    extract: (sha, path, into) => {
      const archive = execFileSync(
        'git',
        ['-C', folder, 'archive', '--format=tar', sha, ...(path === '' ? [] : [path])],
        {
          maxBuffer: 1024 * 1024 * 1024,
        },
      )
      execFileSync('tar', ['-x', '-C', into], { input: archive })
    },
  }
}

const isWorkflow = (path: string): boolean => /\.ya?ml$/.test(path)

const kept = <T>(look: (key: string) => T): ((key: string) => T) => {
  const known = new Map<string, { readonly value: T }>()
  return (key) => {
    const found = known.get(key) ?? { value: look(key) }
    known.set(key, found)
    return found.value
  }
}
