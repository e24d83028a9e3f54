import { posix } from 'node:path'
import { packageName } from '../scripts/build/sources.ts'
import { type Import, importsOf } from '../scripts/imports.ts'
import { effectsIn } from './effects.ts'

/** A repository as the rules see it: source files by path, and the names each package.json declares, by its folder. */
export type House = {
  readonly sources: ReadonlyMap<string, string>
  readonly declared: ReadonlyMap<string, ReadonlySet<string>>
}

/** What kind of file a path is, and of which package or action. */
export type Room =
  | { readonly kind: 'main' | 'ports' | 'inputs' | 'run' | 'decision'; readonly home: string }
  | { readonly kind: 'package'; readonly home: string; readonly name: string }
  | { readonly kind: 'test' | 'script' | 'example'; readonly home: string }

const PURE = ['evidence', 'release', 'delivery', 'canary-report']
const ADAPTERS = ['kubernetes', 'traffic', 'metrics', 'registry', 'http', 'process', 'github']
/** The modules of kit that decide and render; the others read the environment or write to the runner. */
const PURE_KIT = [
  'faults',
  'report',
  'fields',
  'documents',
  'nearest',
  'log',
  'markdown',
  'annotations',
  'xml',
  'cancelled',
]
/** Third-party code that computes and nothing else. */
const PURE_LIBRARIES = ['zod/mini', 'yaml', 'ajv', 'fast-json-patch', 'semver', '@renovatebot/pep440', 'csv-parse/sync']
const PURE_BUILTINS = ['node:path', 'node:url', 'node:util', 'node:crypto', 'node:buffer', 'node:assert']

/** What each package may import of ours. `kit/x`: that module only; `type:` before a name: its types only. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  kit: [],
  evidence: [],
  release: [],
  delivery: PURE_KIT.map((name) => `kit/${name}`),
  'canary-report': [...PURE_KIT.map((name) => `kit/${name}`), 'type:kit', 'evidence', 'release'],
  http: ['kit/faults', 'type:kit'],
  process: ['kit/faults', 'type:kit'],
  kubernetes: ['kit/faults', 'type:kit', 'http', 'process'],
  registry: ['kit/faults', 'type:kit', 'http', 'process'],
  github: ['kit/faults', 'type:kit', 'http'],
  traffic: ['kit/faults', 'type:kit', 'http', 'process', 'kubernetes'],
  metrics: ['kit/faults', 'type:kit', 'http', 'process', 'kubernetes'],
  sandbox: ['kit', ...ADAPTERS, ...PURE],
  runner: ['kit', ...ADAPTERS, ...PURE],
  cli: ['kit', ...ADAPTERS, ...PURE, 'sandbox', 'runner'],
}

const ADAPTER_TYPES = ADAPTERS.map((name) => `type:${name}`)
const PURE_ROOM = [...PURE_KIT.map((name) => `kit/${name}`), ...PURE, 'type:kit', ...ADAPTER_TYPES]

/** What each kind of file of an action may import of ours. */
const ACTION_ROOMS: Readonly<Record<'main' | 'ports' | 'inputs' | 'run' | 'decision', readonly string[]>> = {
  main: ['kit', ...ADAPTERS, ...PURE],
  ports: ['kit', ...ADAPTERS, ...PURE],
  inputs: ['kit', 'type:evidence', 'type:release', 'delivery', ...ADAPTER_TYPES],
  run: PURE_ROOM,
  decision: PURE_ROOM,
}

/** The room a file is in; `undefined` for a path that no rule speaks of. */
const roomOf = (path: string): Room | undefined => {
  const parts = path.split('/')
  const [top = '', name = '', part = '', ...rest] = parts
  const home = `${top}/${name}`
  if (top === 'test') return { kind: 'test', home: 'test' }
  if (top === 'scripts') return { kind: 'script', home: 'scripts' }
  if (top === 'examples') return { kind: 'example', home }
  if ((top === 'actions' || top === 'packages') && part === 'test') return { kind: 'test', home }
  if (part !== 'src') return undefined
  if (top === 'packages') return { kind: 'package', home, name }
  if (top !== 'actions') return undefined
  if (rest[0] === 'ports') return { kind: 'ports', home }
  const file = rest.join('/')
  const kinds = { 'main.ts': 'main', 'inputs.ts': 'inputs', 'run.ts': 'run' } as const
  return { kind: file in kinds ? kinds[file as keyof typeof kinds] : 'decision', home }
}

/** Every breach of the room table, one sentence each, in path order. Source: docs/decisions/0001-house.md. */
export const breaches = ({ sources, declared }: House): readonly string[] =>
  [...sources].flatMap(([path, source]) => {
    const room = roomOf(path)
    if (room === undefined) return [`${path}: no room for it in the table of docs/decisions/0001-house.md`]
    const imports = importsOf(source).flatMap((one) => {
      const problem = importProblem(path, room, one, declared)
      return problem === undefined ? [] : [`${path}:${one.line}: ${problem}`]
    })
    const effects = isPure(room)
      ? effectsIn(source).map(({ line, name }) => `${path}:${line}: ${name} is an effect`)
      : []
    return [...imports, ...effects]
  })

const isPure = (room: Room): boolean =>
  room.kind === 'package' ? PURE.includes(room.name) : ['inputs', 'run', 'decision'].includes(room.kind)

const importProblem = (
  path: string,
  room: Room,
  { specifier, types }: Import,
  declared: House['declared'],
): string | undefined => {
  if (specifier.startsWith('.')) return relativeProblem(path, room, posix.join(posix.dirname(path), specifier), types)
  if (room.kind === 'test' || room.kind === 'script' || room.kind === 'example') return undefined
  if (specifier.startsWith('node:')) {
    if (types || !isPure(room) || PURE_BUILTINS.includes(specifier)) return undefined
    return `${specifier} has effects: they belong to main.ts, ports/ or an adapter`
  }
  const name = packageName(specifier)
  if (!declared.get(room.home)?.has(name)) return `${name} is not declared in ${room.home}/package.json`
  if (specifier.startsWith('@sluice/')) {
    const wanted = specifier.slice('@sluice/'.length)
    const allowed = room.kind === 'package' ? (PACKAGES[room.name] ?? []) : ACTION_ROOMS[room.kind]
    return allows(allowed, wanted, types) ? undefined : `may not import ${types ? 'types of ' : ''}${specifier}`
  }
  // A schema needs its library; statistics and the state machine need none.
  if (room.kind === 'package' && ['evidence', 'release'].includes(room.name))
    return `a pure package imports nothing, but ${specifier}`
  if (isPure(room) && !types && !PURE_LIBRARIES.includes(specifier))
    return `${specifier} is not known to be free of effects`
  return undefined
}

const allows = (allowed: readonly string[], wanted: string, types: boolean): boolean => {
  const name = wanted.split('/')[0] ?? ''
  return allowed.includes(name) || allowed.includes(wanted) || (types && allowed.includes(`type:${name}`))
}

/** Rules for imports by path: own files only, and inside an action only in the direction shell → order of events → decisions. */
const relativeProblem = (path: string, room: Room, target: string, types: boolean): string | undefined => {
  const other = roomOf(target)
  if (room.kind === 'test' && room.home === 'test') return undefined
  // A package's or an action's tests may use any package and its test rigs, but no other action.
  if (room.kind === 'test' && (target.startsWith('packages/') || target.startsWith('test/'))) return undefined
  if (target.startsWith('scripts/') && room.kind !== 'script')
    return `${target} is a script: only scripts and test/ import it`
  if (room.kind === 'script')
    return target.startsWith('scripts/') ? undefined : `scripts import scripts only, not ${target}`
  if (!target.startsWith(`${room.home}/`))
    return `${target} is not its own: packages are imported by name, actions never`
  if (room.kind === 'test' || room.kind === 'example' || room.kind === 'package') {
    return room.kind === 'package' && other?.kind === 'test' ? `nothing imports tests, but ${target}` : undefined
  }
  if (other === undefined || other.kind === 'test')
    return target.endsWith('.json') ? undefined : `nothing imports ${target}`
  if (types) return undefined
  const order = { main: 4, ports: 3, run: 2, decision: 1, inputs: 1 } as const
  if (other.kind === 'main') return 'nothing imports main.ts'
  if (!(other.kind in order)) return undefined
  const [from, to] = [order[room.kind], order[other.kind as keyof typeof order]]
  if (room.kind === 'inputs' && other.kind !== 'decision') return `inputs.ts may not import ${target}`
  if (room.kind === 'decision' && other.kind === 'inputs')
    return `a decision takes values, it does not import ${target}`
  return to > from ? `${posix.basename(path)} may not import ${target}: effects stay outside` : undefined
}
