import { type Document, isMap, isScalar, isSeq, LineCounter, type Node, parseAllDocuments, type YAMLMap } from 'yaml'
import { type Manifest, type ManifestObject, type Problem, titleOf } from './manifest.ts'
import { imageProblems } from './pinned.ts'
import { fillTemplate, type Value } from './template.ts'

export type Source = { readonly path: string; readonly text: string }
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
  problems.push(...duplicates(manifests))
  return { manifests, problems, unused: [...values.keys()].filter((name) => !used.has(name)) }
}

const readFile = ({ path, text }: Source, values: ReadonlyMap<string, Value>) => {
  const lines = new LineCounter()
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true })
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
      const place = at(path, lines, node.range?.[0] ?? 0)
      const shape = shapeProblem(node)
      if (shape !== undefined) {
        problems.push({ where: place, text: shape })
        continue
      }
      // Placeholders that could not be filled are told already; an image that holds one is not told twice.
      if (filled.problems.length === 0)
        problems.push(...imageProblems(node as YAMLMap, (offset) => at(path, lines, offset)))
      const line = lines.linePos(node.range?.[0] ?? 0).line
      manifests.push({ file: path, line, object: toJs(node, document) })
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

const shapeProblem = (node: Node): string | undefined => {
  if (!isMap(node)) return 'is not a Kubernetes object: a map with apiVersion, kind and metadata'
  const missing = (['apiVersion', 'kind'] as const).filter(
    (key) => typeof node.get(key) !== 'string' || node.get(key) === '',
  )
  if (missing.length > 0) return `is not a Kubernetes object: ${missing.join(' and ')} missing`
  const metadata = node.get('metadata')
  const name = isMap(metadata) ? metadata.get('name') : undefined
  if (typeof name === 'string' && name !== '') return undefined
  const generated = isMap(metadata) && metadata.has('generateName')
  return generated
    ? `${node.get('kind')} has generateName: each deploy would make another one; give it a name`
    : `${node.get('kind')} has no metadata.name${name === undefined ? '' : ', or it is not text (quote it)'}`
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

const duplicates = (manifests: readonly Manifest[]): readonly Problem[] => {
  const first = new Map<string, Manifest>()
  return manifests.flatMap((manifest) => {
    const { apiVersion, kind, metadata } = manifest.object
    const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : ''
    const key = [group, kind, metadata.namespace ?? '', metadata.name].join('/')
    const before = first.get(key)
    if (before === undefined) {
      first.set(key, manifest)
      return []
    }
    const text = `${titleOf(manifest.object)} is already in ${before.file}:${before.line}`
    return [{ where: `${manifest.file}:${manifest.line}`, text }]
  })
}

const toJs = (node: Node, document: Document.Parsed): ManifestObject =>
  node.toJS(document, { maxAliasCount: 100 }) as ManifestObject

const isNull = (node: Node): boolean => isScalar(node) && (node.value === null || node.value === '')

const at = (path: string, lines: LineCounter, offset: number): string => {
  const { line, col } = lines.linePos(offset)
  return `${path}:${Math.max(1, line)}:${Math.max(1, col)}`
}
