import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { bundle, filesIn } from './build/bundle.ts'
import { emit, foldersIn } from './build/emit.ts'
import { type Lockfile, readLockfile } from './build/lockfile.ts'
import { sha256, sourcesOf } from './build/sources.ts'

/** What became of one action's bundle. */
export type Built = {
  readonly action: string
  readonly kind: 'written' | 'unchanged' | 'same-bytes' | 'stale' | 'edited' | 'missing' | 'broken'
  readonly text: string
}

/** What to build. `names` empty: every action that has a `src/main.ts`. `all`: rebuild even what seems unchanged. */
export type Request = {
  readonly root: string
  readonly names: readonly string[]
  readonly check: boolean
  readonly all: boolean
}

/**
 * Builds bundles, or with `check` compares the committed ones with what their sources give now: what `dist/.sources` says is unchanged is
 * not built again unless `all` is set. Decided in docs/decisions/0001-house.md.
 */
export const build = async ({ root, names, check, all }: Request): Promise<readonly Built[]> => {
  const actions = foldersIn(join(root, 'actions')).filter((name) =>
    existsSync(join(root, 'actions', name, 'src/main.ts')),
  )
  const unknown = names.filter((name) => !actions.includes(name))
  if (unknown.length > 0) throw new Error(`No such action: ${unknown.join(', ')}; there are ${actions.join(', ')}`)
  const scratch = join(root, '.build', String(process.pid))
  try {
    const emitted = join(scratch, 'js')
    await emit(root, emitted)
    const task = { root, emitted, lockfile: readLockfile(root), check, all }
    // Two at once: a bundler holds a core and half a gigabyte, and the machines this must be quick on have two cores.
    return await inPairs(names.length > 0 ? names : actions, (action) =>
      one(action, task).catch((error: unknown) => broken(action, error)),
    )
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

const BAD: readonly Built['kind'][] = ['stale', 'edited', 'missing', 'broken']

type Task = {
  readonly root: string
  readonly emitted: string
  readonly lockfile: Lockfile
  readonly check: boolean
  readonly all: boolean
}

/** One action that cannot be built must not keep the others from it. */
const broken = (action: string, error: unknown): Built => ({
  action,
  kind: 'broken',
  text: error instanceof Error ? error.message : String(error),
})

const one = async (action: string, { root, emitted, lockfile, check, all }: Task): Promise<Built> => {
  const dist = join(root, 'actions', action, 'dist')
  const { files, packages } = sourcesOf(action, emitted, lockfile)
  const sources = [...files, ...packages, ...toolVersions(root)]
  const recorded = existsSync(join(dist, '.sources')) ? readFileSync(join(dist, '.sources'), 'utf8') : undefined
  const committed = existsSync(dist) ? filesIn(dist) : new Map<string, Buffer>()
  if (check && recorded === undefined)
    return { action, kind: 'missing', text: `has no bundle: npm run build ${action}` }
  const record = (bytes: ReadonlyMap<string, Buffer>): string => `${[...sources, ...hashes(bytes)].join('\n')}\n`
  if (recorded === record(committed) && !all) return { action, kind: 'unchanged', text: 'unchanged' }

  const fresh = join(dirname(emitted), 'dist', action)
  await bundle(action, emitted, fresh)
  const built = filesIn(fresh)
  const same = hashes(built).join() === hashes(committed).join()
  if (check && same) return { action, kind: 'same-bytes', text: 'built again: the same bytes' }
  if (check) {
    const edited = recorded?.startsWith(`${sources.join('\n')}\n`) ?? false
    const why = edited ? 'is not what its sources give: dist is never edited' : 'is older than its sources'
    return { action, kind: edited ? 'edited' : 'stale', text: `${why}: npm run build ${action}` }
  }
  rmSync(dist, { recursive: true, force: true })
  for (const [path, bytes] of built) {
    mkdirSync(dirname(join(dist, path)), { recursive: true })
    writeFileSync(join(dist, path), bytes)
  }
  writeFileSync(join(dist, '.sources'), record(built))
  const size = Math.round(scriptBytes(built) / 1000)
  return { action, kind: 'written', text: `${size} kB${same ? ', the same bytes' : ''}` }
}

const hashes = (files: ReadonlyMap<string, Buffer>): readonly string[] =>
  [...files].filter(([path]) => path !== '.sources').map(([path, bytes]) => `${sha256(bytes)}  dist/${path}`)

/** The size that is limited: everything that can be loaded. */
const scriptBytes = (files: ReadonlyMap<string, Buffer>): number =>
  [...files].reduce((total, [path, bytes]) => (path.endsWith('.js') ? total + bytes.length : total), 0)

const toolVersions = (root: string): readonly string[] => {
  const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const recipe = sha256(readFileSync(join(import.meta.dirname, 'build/bundle.ts')))
  const tools = ['@vercel/ncc', 'rolldown', 'typescript'].map((name) => `tool ${name}@${devDependencies[name]}`)
  return [...tools, `${recipe}  scripts/build/bundle.ts`]
}

const inPairs = async <T, R>(items: readonly T[], act: (item: T) => Promise<R>): Promise<readonly R[]> => {
  const results: R[] = []
  const queue = [...items.entries()]
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) results[next[0]] = await act(next[1])
  }
  await Promise.all([worker(), worker()])
  return results
}

if (import.meta.main) {
  const args = process.argv.slice(2)
  const names = args.filter((arg) => !arg.startsWith('-'))
  const root = join(import.meta.dirname, '..')
  const results = await build({ root, names, check: args.includes('--check'), all: args.includes('--all') })
  for (const { action, text } of results) console.log(`${action}: ${text}`)
  if (results.some(({ kind }) => BAD.includes(kind))) process.exitCode = 1
}
