import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { MAJOR, OWNER, repositoryFiles } from './repository.ts'
import { conclude } from './written.ts'

/** One `uses:` in a workflow, an action or an example. `comment` is what follows `#` on its line. */
export type Use = { readonly where: string; readonly target: string; readonly comment: string }

/** Every `uses:` line of a text. Lines count from 1. */
export const usesIn = (file: string, text: string): readonly Use[] =>
  text.split('\n').flatMap((line, index) => {
    const match = /^\s*(?:-\s+)?(?:"uses"|uses):\s*["']?([^\s"'#]+)["']?\s*(?:#\s*(.*))?$/.exec(line)
    return match === null
      ? []
      : [{ where: `${file}:${index + 1}`, target: match[1] ?? '', comment: (match[2] ?? '').trim() }]
  })

/**
 * What is wrong with them, one sentence each. A third party's action is named by its full commit with `# vX.Y.Z`, and one version by one
 * commit everywhere; ours by `./` or `$/` (a folder or workflow that is there), or by `OWNER/sluice/…@v1` in examples.
 * @param exists whether a path of the checkout is there
 */
export const pinProblems = (uses: readonly Use[], exists: (path: string) => boolean): readonly string[] => {
  const commits = new Map<string, Use>()
  return uses.flatMap((use) => {
    const { where, target, comment } = use
    if (/^(\.|\$)\//.test(target))
      return exists(`${repositoryOf(where)}${target.slice(2)}`) ? [] : [`${where}: ${target} is not there`]
    const [name = '', ref = ''] = target.split('@')
    const [owner = '', repository = '', ...path] = name.split('/')
    if (repository === 'sluice') {
      if (owner !== OWNER) return [`${where}: ${target} must name ${OWNER}/sluice`]
      if (!exists(path.join('/'))) return [`${where}: ${target}: ${path.join('/')} is not there`]
      return ref === MAJOR ? [] : [`${where}: ${target} must end in @${MAJOR}`]
    }
    if (name.startsWith('docker://'))
      return /^sha256:[0-9a-f]{64}$/.test(ref) ? [] : [`${where}: ${target} needs a digest`]
    if (!/^[0-9a-f]{40}$/.test(ref)) return [`${where}: ${target} must be pinned by its full commit`]
    if (!/^v\d+\.\d+\.\d+$/.test(comment)) return [`${where}: ${target} needs its version behind it: # vX.Y.Z`]
    const other = commits.get(`${owner}/${repository} ${comment}`)
    if (other !== undefined && other.target.split('@')[1] !== ref)
      return [`${where}: ${name} ${comment} is another commit than in ${other.where}`]
    commits.set(`${owner}/${repository} ${comment}`, use)
    return []
  })
}

/** Where the repository that a file is for begins: an example, or the caller of `test/github`, is the root of one of its own. */
const repositoryOf = (where: string): string => /^(examples\/[^/]+|test\/github\/caller)\//.exec(where)?.[0] ?? ''

if (import.meta.main) {
  const root = join(import.meta.dirname, '..')
  const places =
    /^(\.github|reusable-workflows|actions|templates|examples|docs|test\/github)\/.*\.(ya?ml|md)$|^[^/]+\.md$/
  const uses = repositoryFiles(root)
    .filter((path) => places.test(path))
    .flatMap((path) => usesIn(path, readFileSync(join(root, path), 'utf8')))
  const problems = pinProblems(uses, (path) =>
    existsSync(join(root, path.replace('actions/__NAME__', 'templates/action'))),
  )
  conclude(problems, { check: true, hint: 'A tag can be moved to other code: only a commit says what runs' })
}
