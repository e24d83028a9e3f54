import { createHash } from 'node:crypto'
import { globSync, readFileSync, statSync } from 'node:fs'
import { join, relative, sep } from 'node:path'

/**
 * SHA-256 (hex) over the SHA-256 of each file in the workspace that the patterns take, in order of path; empty when there is none. A pattern that begins with `!` takes away what those before it gave.
 * Source: docs.github.com, "Evaluate expressions", hashFiles.
 */
export const hashFiles = (workspace: string, patterns: readonly string[]): string => {
  const taken = new Set<string>()
  for (const pattern of patterns.flatMap((one) => one.split('\n')).map((one) => one.trim())) {
    if (pattern === '' || pattern.startsWith('#')) continue
    for (const file of filesOf(workspace, pattern.replace(/^!/, '')))
      pattern.startsWith('!') ? taken.delete(file) : taken.add(file)
  }
  if (taken.size === 0) return ''
  const all = createHash('sha256')
  for (const file of [...taken].sort())
    all.update(
      createHash('sha256')
        .update(readFileSync(join(workspace, file)))
        .digest(),
    )
  return all.digest('hex')
}

const filesOf = (workspace: string, pattern: string): readonly string[] =>
  globSync(pattern, { cwd: workspace })
    .flatMap((path) => (isFolder(join(workspace, path)) ? globSync(`${path}/**`, { cwd: workspace }) : [path]))
    .map((path) => relative(workspace, join(workspace, path)))
    .filter((path) => !path.startsWith(`..${sep}`) && statSync(join(workspace, path)).isFile())

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
