/** What a build was made from, as BuildKit resolved it: images by their names as BuildKit writes them, and the commit of a context in Git. */
export type Sources = {
  readonly images: ReadonlyMap<string, string>
  readonly commits: ReadonlyMap<string, string>
}

/** A policy that makes BuildKit take these very images for those names. */
export type Policy = { readonly rules: readonly unknown[] }

type Fields = Readonly<Record<string, unknown>>
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * Reads them in the file of metadata that buildx writes. A name that two platforms found different images for is left out: nobody can say which.
 * @param metadata of the build, with provenance: `buildx.build.provenance`, of several platforms one each, with the platform in its name
 * Source: https://docs.docker.com/reference/cli/docker/buildx/build/#metadata-file
 */
export const sourcesIn = (metadata: unknown): Sources => {
  const all = isFields(metadata)
    ? Object.entries(metadata).flatMap(([name, value]) =>
        /^buildx\.build\.provenance(\/|$)/.test(name) && isFields(value) ? [value.materials].flat() : [],
      )
    : []
  const images: (readonly [string, string])[] = []
  const commits: (readonly [string, string])[] = []
  for (const material of all) {
    if (!isFields(material) || typeof material.uri !== 'string' || !isFields(material.digest)) continue
    const { sha256, sha1 } = material.digest
    const name = imageIn(material.uri)
    if (name !== undefined && typeof sha256 === 'string' && /^[0-9a-f]{64}$/.test(sha256))
      images.push([name, `sha256:${sha256}`])
    if (typeof sha1 === 'string' && /^[0-9a-f]{40}([0-9a-f]{24})?$/.test(sha1)) commits.push([bare(material.uri), sha1])
  }
  return { images: agreed(images), commits: agreed(commits) }
}

const agreed = (found: readonly (readonly [string, string])[]): ReadonlyMap<string, string> =>
  new Map(
    [...Map.groupBy(found, ([name]) => name)].flatMap(([name, all]) => {
      const [first, ...others] = new Set(all.map(([, digest]) => digest))
      return first === undefined || others.length > 0 ? [] : [[name, first] as const]
    }),
  )

/**
 * The name that BuildKit asks for, `host/path:tag`; `undefined` for one that is no image, or has its digest in the Dockerfile.
 * Source: https://github.com/package-url/purl-spec/blob/main/types-doc/docker-definition.md
 */
const imageIn = (uri: string): string | undefined => {
  const [, path = '', version, rest = ''] =
    /^pkg:docker\/([^@?#]{1,1000})(?:@([^?#]{1,300}))?(\?[^#]{0,2000})?$/.exec(uri) ?? []
  const tag = decoded(version ?? 'latest')
  const name = decoded(path)
  if (name === undefined || name === '' || tag === undefined || !/^\w[\w.-]{0,127}$/.test(tag)) return undefined
  if (/[?&]digest=/.test(rest)) return undefined
  const [host = '', ...parts] = name.split('/')
  if (parts.length > 0 && (/[.:]/.test(host) || host === 'localhost')) return `${name}:${tag}`
  return `docker.io/${parts.length === 0 ? 'library/' : ''}${name}:${tag}`
}

const decoded = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/**
 * The policy that pins images to what the build took; `undefined` where there is nothing to pin, or where another policy is in force that is none.
 * @param own a policy that is in force already, which comes first
 * Source: https://github.com/moby/buildkit/blob/master/docs/build-repro.md
 */
export const policyOf = ({ images }: Sources, own?: unknown): Policy | undefined => {
  if (images.size === 0) return undefined
  if (own !== undefined && !isFields(own)) return undefined
  const rules = [...images].map(([name, digest]) => ({
    action: 'CONVERT',
    selector: { identifier: `docker-image://${name}`, matchType: 'EXACT' },
    updates: { identifier: `docker-image://${name}@${digest}` },
  }))
  return { ...own, rules: [...(Array.isArray(own?.rules) ? own.rules : []), ...rules] }
}

/** The context as the build took it: that of a repository in Git at the commit that its branch was at. What keeps the folder `.git` is left as it is. */
export const pinnedContext = (context: string, { commits }: Sources, buildArgs: readonly string[]): string => {
  if (commits.size === 0 || buildArgs.some((arg) => arg.startsWith('BUILDKIT_CONTEXT_KEEP_GIT_DIR='))) return context
  const [, address, reference = '', folder = ''] =
    /^([^#?]{1,2000})(?:#([^:]{0,500})(:.{0,1000})?)?$/.exec(context) ?? []
  if (address === undefined) return context
  const commit = commits.get(bare(reference === '' ? address : `${address}#${reference}`))
  return commit === undefined ? context : `${address}#${commit}${folder}`
}

/** An address without who asks, which BuildKit does not write down. */
const bare = (address: string): string => address.replace(/^([a-z][a-z0-9+.-]{0,20}:\/\/)[^/?#]{1,4000}@/i, '$1')
