import { lstatSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryFiles } from './repository.ts'
import { conclude } from './written.ts'

const STRAY =
  /(^|\/)(\.DS_Store|Thumbs\.db|npm-debug\.log|nohup\.out|core)$|\.(orig|rej|swp|bak|tmp|log|pyc|tsbuildinfo)$|~$/
const LOCKFILES = /(^|\/)(package-lock\.json|yarn\.lock|npm-shrinkwrap\.json)$/
const LARGEST = 3_000_000

/**
 * What does not belong into the repository: symlinks (a dangling one anywhere breaks `uses: $/…`), left-over files, a second lockfile, files
 * over 3 MB, names that differ only in case, and paths of the machine that wrote them.
 * @returns one sentence each
 */
export const treeProblems = (root: string, paths: readonly string[]): readonly string[] => {
  const folded = new Map<string, string>()
  return paths.flatMap((path) => {
    const twin = folded.get(path.toLowerCase())
    folded.set(path.toLowerCase(), path)
    if (twin !== undefined) return [`${path} and ${twin} are one file where case does not count`]
    const stat = lstatSync(join(root, path))
    if (stat.isSymbolicLink()) return [`${path} is a symlink`]
    if (!stat.isFile()) return []
    if (STRAY.test(path)) return [`${path} is a left-over`]
    if (LOCKFILES.test(path)) return [`${path}: the one lockfile is pnpm-lock.yaml`]
    if (stat.size > LARGEST) return [`${path} is ${stat.size} bytes: over ${LARGEST}`]
    return namesMachine(root, readFileSync(join(root, path))) ? [`${path} names this machine's path ${root}`] : []
  })
}

/** Whether a file holds this checkout's own path; only with what lies in it, as a checkout may lie in a folder named `/src`. */
export const namesMachine = (root: string, content: Buffer): boolean => {
  const inside = ['actions', 'packages', 'scripts', 'test', 'node_modules', 'examples', '.build']
  const text = content.toString('latin1')
  return inside.some((folder) => {
    const at = text.indexOf(`${root}/${folder}/`)
    return at === 0 || (at > 0 && !/[\w.-]/.test(text.charAt(at - 1)))
  })
}

if (import.meta.main) {
  const root = join(import.meta.dirname, '..')
  conclude(treeProblems(root, repositoryFiles(root)), { check: true, hint: 'Take them out of the tree' })
}
