import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
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
  const commits = kept((sha: string): Held => {
    const [commit, tree] = objects(folder, [sha, `${sha}:.github/workflows`])
    const names = namesIn(tree).filter((name) => /\.ya?ml$/.test(name))
    const paths = names.map((name) => `.github/workflows/${name}`).toSorted()
    const texts = objects(
      folder,
      paths.map((path) => `${sha}:${path}`),
    )
    const files = paths.map((path, index) => [path, texts[index]?.toString('utf8') ?? ''] as const)
    return { commit: commitIn(sha, commit?.toString('utf8') ?? ''), files: new Map(files) }
  })
  const texts = kept((key: string) => objects(folder, [key])[0]?.toString('utf8'))
  const changes = kept((range: string): readonly string[] => {
    const [before = '', sha = ''] = range.split('..')
    const list =
      before === NO_COMMIT ? git('ls-tree', '-r', '--name-only', sha) : git('diff', '--name-only', before, sha)
    return list.split('\n').filter(Boolean)
  })
  return {
    headOf: (branch) => {
      const loose = readIfThere(join(folder, '.git/refs/heads', branch))
      if (loose !== undefined && /^[0-9a-f]{40}$/.test(loose.trim())) return loose.trim()
      try {
        return git('rev-parse', '--verify', '--quiet', `refs/heads/${branch}^{commit}`).trim()
      } catch {
        throw new Fault('input', `${folder} has no branch ${branch}`, 'Commit something on it first')
      }
    },
    read: (sha, path) => commits(sha).files.get(path) ?? texts(`${sha}:${path}`),
    workflowFiles: (sha) => [...commits(sha).files.keys()],
    changed: (before, sha) => changes(`${before}..${sha}`),
    commit: (sha) => commits(sha).commit,
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

type Held = { readonly commit: Commit; readonly files: ReadonlyMap<string, string> }

/** Objects by what names them, all with one start of git; undefined for what is not there. */
const objects = (folder: string, names: readonly string[]): readonly (Buffer | undefined)[] => {
  if (names.length === 0) return []
  const all = execFileSync('git', ['-C', folder, 'cat-file', '--batch'], {
    input: `${names.join('\n')}\n`,
    stdio: ['pipe', 'pipe', 'pipe'],
    maxBuffer: 256 * 1024 * 1024,
  })
  let at = 0
  return names.map(() => {
    const end = all.indexOf(10, at)
    const [, kind, size] = all.toString('utf8', at, end).split(' ')
    at = end + 1
    if (kind === 'missing' || size === undefined) return undefined
    const found = all.subarray(at, at + Number(size))
    at += Number(size) + 1
    return found
  })
}

/** The names in a tree: each entry is `mode name`, a zero and twenty bytes. */
const namesIn = (tree: Buffer | undefined): readonly string[] => {
  const names: string[] = []
  for (let at = 0; tree && at < tree.length; ) {
    const zero = tree.indexOf(0, at)
    const [mode = '', ...name] = tree.toString('utf8', at, zero).split(' ')
    // Only files: a folder's workflows are not GitHub's.
    if (mode.startsWith('100')) names.push(name.join(' '))
    at = zero + 21
  }
  return names
}

const commitIn = (id: string, text: string): Commit => {
  const [head = '', ...message] = text.split('\n\n')
  const parent = /^parent (\w+)/m.exec(head)?.[1] ?? NO_COMMIT
  const [, author = '', email = ''] = /^author (.*) <(.*)> \d+/m.exec(head) ?? []
  const at = Number(/^committer .*> (\d+)/m.exec(head)?.[1] ?? 0)
  return {
    id,
    parent,
    message: message.join('\n\n').trim(),
    author,
    email,
    timestamp: new Date(at * 1000).toISOString(),
  }
}

const readIfThere = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

const kept = <T>(look: (key: string) => T): ((key: string) => T) => {
  const known = new Map<string, { readonly value: T }>()
  return (key) => {
    const found = known.get(key) ?? { value: look(key) }
    known.set(key, found)
    return found.value
  }
}
