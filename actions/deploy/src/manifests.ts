import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
  type ScalarTag,
} from 'yaml'
import { type Manifest, type ManifestObject, type Problem, titleOf } from './manifest.ts'
import { imageProblems } from './pinned.ts'
import { fillTemplate, type Value } from './template.ts'

/** A manifest file as it was read; `path` is what messages name. */
export type Source = { readonly path: string; readonly text: string }
/** All objects in the order they stand in, with every problem found on the way. */
export type ManifestsRead = {
  readonly manifests: readonly Manifest[]
  readonly problems: readonly Problem[]
  /** Names of values that no manifest asks for. */
  readonly unused: readonly string[]
}

/**
 * Reads manifest files (YAML, several documents, or JSON), fills their placeholders and checks what can be checked without a cluster: that
 * each document is an object with a name, that none comes twice, and that every container's image is named by digest. Lists are taken apart.
 * @param namespace where objects without one go; an object that names another is a problem when `fixed` is set
 */
export const readManifests = (
  sources: readonly Source[],
  values: ReadonlyMap<string, Value>,
  { namespace, fixed }: { readonly namespace: string | undefined; readonly fixed: boolean },
): ManifestsRead => {
  const used = new Set<string>()
  const problems: Problem[] = []
  const manifests: Manifest[] = []
  for (const source of sources) {
    const read = readFile(source, values)
    for (const name of read.used) used.add(name)
    problems.push(...read.problems)
    manifests.push(...read.manifests)
    if (read.problems.length === 0 && read.manifests.length === 0) {
      problems.push({ where: `${source.path}:1:1`, text: 'is empty: it should hold at least one object' })
    }
  }
  if (fixed) problems.push(...strays(manifests, namespace))
  problems.push(...duplicates(manifests, namespace))
  return { manifests, problems, unused: [...values.keys()].filter((name) => !used.has(name)) }
}

const readFile = ({ path, text }: Source, values: ReadonlyMap<string, Value>) => {
  const lines = new LineCounter()
  const documents = parseAllDocuments(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: true,
    merge: true,
    customTags: (tags) => [OCTAL, ...tags],
  })
  const problems: Problem[] = []
  const manifests: Manifest[] = []
  const used = new Set<string>()
  for (const document of Array.isArray(documents) ? (documents as Document.Parsed[]) : []) {
    if (document.errors.length > 0) {
      problems.push(...document.errors.map((error) => ({ where: at(path, lines, error.pos[0]), text: error.message })))
      continue
    }
    if (document.contents === null || isNull(document.contents)) continue
    const filled = fillTemplate(document, values, { file: path, text, lines })
    for (const name of filled.used) used.add(name)
    problems.push(...filled.problems)
    for (const node of objectsOf(document.contents)) {
      const start = node.range?.[0] ?? 0
      const object = plain(node, document)
      if (!isObject(object)) {
        problems.push({ where: at(path, lines, start), text: object.problem })
        continue
      }
      const place = (keys: readonly (string | number)[]): string => at(path, lines, offsetOf(node, keys, document))
      // Placeholders that could not be filled are told already; an image that holds one is not told twice.
      if (filled.problems.length === 0) problems.push(...imageProblems(object, place))
      manifests.push({ file: path, line: lines.linePos(start).line, object })
    }
  }
  return { problems, manifests, used }
}

const objectsOf = (contents: Node): readonly Node[] => {
  if (!isMap(contents)) return [contents]
  const items = contents.get('items')
  const kind = contents.get('kind')
  return typeof kind === 'string' && kind.endsWith('List') && isSeq(items) ? (items.items as Node[]) : [contents]
}

/** The object with its aliases and merge keys resolved, or what is wrong with it. */
const plain = (node: Node, document: Document.Parsed): ManifestObject | { readonly problem: string } => {
  try {
    const value: unknown = node.toJS(document, { maxAliasCount: 100 })
    const problem = shapeProblem(value)
    return problem === undefined ? (value as ManifestObject) : { problem }
  } catch (thrown) {
    // A few lines of nested anchors can stand for gigabytes.
    return { problem: `its aliases cannot be resolved: ${thrown instanceof Error ? thrown.message : String(thrown)}` }
  }
}

const isObject = (value: ManifestObject | { readonly problem: string }): value is ManifestObject => 'kind' in value

const shapeProblem = (value: unknown): string | undefined => {
  if (!isRecord(value)) return 'is not a Kubernetes object: a map with apiVersion, kind and metadata'
  const missing = ['apiVersion', 'kind'].filter((key) => typeof value[key] !== 'string' || value[key] === '')
  if (missing.length > 0) return `is not a Kubernetes object: ${missing.join(' and ')} missing`
  const metadata = isRecord(value.metadata) ? value.metadata : {}
  const { name } = metadata
  if (typeof name === 'string' && name !== '') return undefined
  return 'generateName' in metadata
    ? `${value.kind} has generateName: each deploy would make another one; give it a name`
    : `${value.kind} has no metadata.name${name === undefined ? '' : ', or it is not text (quote it)'}`
}

/** Where a value is written, seen through aliases; the nearest parent where a merge hides it. */
const offsetOf = (node: Node, keys: readonly (string | number)[], document: Document.Parsed): number => {
  let here: unknown = node
  let offset = node.range?.[0] ?? 0
  for (const key of keys) {
    here = isMap(here) || isSeq(here) ? here.get(key, true) : undefined
    if (isAlias(here)) here = here.resolve(document)
    if (!isMap(here) && !isSeq(here) && !isScalar(here)) return offset
    offset = here.range?.[0] ?? offset
  }
  return offset
}

const strays = (manifests: readonly Manifest[], namespace: string | undefined): readonly Problem[] =>
  manifests.flatMap(({ file, line, object }) => {
    const own = object.metadata.namespace
    if (own === undefined || own === namespace) return []
    return [
      {
        where: `${file}:${line}`,
        text: `${titleOf(object)} is for namespace ${own}, the input namespace says ${namespace}`,
      },
    ]
  })

const duplicates = (manifests: readonly Manifest[], namespace: string | undefined): readonly Problem[] => {
  const first = new Map<string, Manifest>()
  return manifests.flatMap((manifest) => {
    const { apiVersion, kind, metadata } = manifest.object
    const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : ''
    const key = [group, kind, metadata.namespace ?? namespace ?? '', metadata.name].join('/')
    const before = first.get(key)
    if (before === undefined) {
      first.set(key, manifest)
      return []
    }
    const text = `${titleOf(manifest.object)} is already in ${before.file}:${before.line}`
    return [{ where: `${manifest.file}:${manifest.line}`, text }]
  })
}

/** `defaultMode: 0400` is octal to kubectl and everybody who writes it (YAML 1.1); YAML 1.2 alone would read four hundred. */
const OCTAL: ScalarTag = {
  identify: () => false,
  default: true,
  tag: 'tag:yaml.org,2002:int',
  test: /^[-+]?0[0-7]+$/,
  resolve: (text) => Number.parseInt(text, 8),
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isNull = (node: Node): boolean => isScalar(node) && (node.value === null || node.value === '')

const at = (path: string, lines: LineCounter, offset: number): string => {
  const { line, col } = lines.linePos(offset)
  return `${path}:${Math.max(1, line)}:${Math.max(1, col)}`
}
