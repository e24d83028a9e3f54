import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { RELEASE } from './callers.ts'
import type { Release } from './plan.ts'

/** A git repository that is thrown away after the rehearsal. */
export type TemporaryRepository = {
  readonly folder: string
  /** Commits a release on the branch, ready to be pushed. The commit says which digest was built from it, where that is known before. */
  commit(release: Release): void
}

/**
 * Makes one of a folder's files, without its workflows, and of the files that a rehearsal has in their place.
 * @param files paths inside `from`
 * @param instead text by path
 */
export const makeRepository = (
  from: string,
  to: string,
  {
    files,
    instead,
    each,
    branch,
  }: {
    readonly files: readonly string[]
    readonly instead: Readonly<Record<string, string>>
    /** What differs from release to release besides. */
    readonly each: (release: Release) => Readonly<Record<string, string>>
    readonly branch: string
  },
): TemporaryRepository => {
  for (const path of files.filter((each) => !each.startsWith('.github/workflows/')))
    cpSync(join(from, path), join(to, path), { recursive: true, verbatimSymlinks: true })
  for (const [path, text] of Object.entries(instead)) put(join(to, path), text)
  git(to, 'init', '-q', '-b', branch)
  git(to, 'add', '-A', '-f')
  return {
    folder: to,
    commit: (release) => {
      const { label, digest, env } = release
      const written = {
        [RELEASE.name]: `${label}, fault ${env.FAULT ?? 'none'}\n`,
        ...(digest === '' ? {} : { [RELEASE.digest]: `${digest}\n` }),
        ...each(release),
      }
      for (const [path, text] of Object.entries(written)) put(join(to, path), text)
      git(to, 'add', '-f', ...Object.keys(written))
      git(to, 'commit', '-q', '-m', `Release ${label}`)
    },
  }
}

const put = (path: string, text: string): void => {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

/** With nothing of the user's own settings: hooks, signatures and line endings are not part of a rehearsal. */
const git = (folder: string, ...words: readonly string[]): void =>
  void execFileSync('git', ['-c', 'core.hooksPath=/dev/null', '-c', 'core.autocrlf=false', ...words], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      PATH: process.env.PATH ?? '',
      HOME: folder,
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_CONFIG_SYSTEM: '/dev/null',
      GIT_AUTHOR_NAME: 'Rehearsal',
      GIT_AUTHOR_EMAIL: 'rehearsal@example.com',
      GIT_COMMITTER_NAME: 'Rehearsal',
      GIT_COMMITTER_EMAIL: 'rehearsal@example.com',
    },
  })
