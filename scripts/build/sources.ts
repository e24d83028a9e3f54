import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, posix, relative, sep } from 'node:path'
import { importsOf } from '../imports.ts'
import { type Lockfile, thirdParty } from './lockfile.ts'

/** What one bundle is made of: one line each, sorted, equal in every checkout. Written to `dist/.sources`. */
export type Sources = { readonly files: readonly string[]; readonly packages: readonly string[] }

/**
 * Walks the imports of an action's emitted `main.js`.
 * @returns `files`: `<sha256>  <path>` of every emitted file that goes into the bundle; `packages`: `npm <name@version> <integrity>` of every
 *   third-party package that can go into it, by the lockfile
 * @throws Error when an import leads nowhere
 */
export const sourcesOf = (action: string, emitted: string, lockfile: Lockfile): Sources => {
  const hashes = new Map<string, string>()
  const imported = new Map<string, Set<string>>()
  const walk = (path: string, from: string): void => {
    if (hashes.has(path)) return
    if (!existsSync(path)) throw new Error(`${from} imports ${toPosix(relative(emitted, path))}, which is not there`)
    const text = readFileSync(path, 'utf8')
    hashes.set(path, sha256(text))
    if (!path.endsWith('.js')) return
    for (const { specifier: name } of importsOf(text)) {
      if (name.startsWith('node:')) continue
      if (name.startsWith('.')) walk(join(dirname(path), name), toPosix(relative(emitted, path)))
      else if (name.startsWith('@sluice/')) walk(workspaceFile(emitted, name), toPosix(relative(emitted, path)))
      else {
        const owner = toPosix(relative(emitted, path)).split('/').slice(0, 2).join('/')
        imported.set(owner, (imported.get(owner) ?? new Set()).add(packageName(name)))
      }
    }
  }
  walk(join(emitted, 'actions', action, 'src/main.js'), 'action.yml')
  const files = [...hashes].map(([path, hash]) => `${hash}  ${toPosix(relative(emitted, path))}`)
  return { files: files.sort(bySecondColumn), packages: thirdParty(lockfile, imported) }
}

/** The hexadecimal SHA-256 of a text or of bytes. */
export const sha256 = (content: string | Buffer): string => createHash('sha256').update(content).digest('hex')

/** `@scope/name/file` and `name/file` → the package's own name. */
export const packageName = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')

const workspaceFile = (emitted: string, specifier: string): string => {
  const [, name = '', ...file] = specifier.split('/')
  return join(emitted, 'packages', name, 'src', `${file.join('/')}.js`)
}

const toPosix = (path: string): string => path.split(sep).join(posix.sep)
const bySecondColumn = (a: string, b: string): number => (a.slice(66) < b.slice(66) ? -1 : 1)
