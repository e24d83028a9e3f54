import { createHash } from 'node:crypto'
import { csvField } from './csv.ts'

/** What a cache is kept for: one for each platform, target and branch. */
export type CacheScope = {
  /** `host/path`, where `registry` and `inline` keep it. */
  readonly repository: string
  readonly platforms: readonly string[]
  readonly target: string | undefined
  /** What is built; of a pull request something that no branch is called, such as `pull/7`, as whoever opens one chooses the name of its branch. */
  readonly branch: string
  readonly defaultBranch: string
}

/** Both sides of a cache, as buildx reads them. */
export type Cache = {
  readonly from: readonly string[]
  readonly to: readonly string[]
  /** Only of `inline`: the tag that the image must get beside its own, for the next build to find it. */
  readonly tag: string | undefined
}

const PREFIX = 'buildcache-'
/** A tag has 128 characters at most. Source: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests */
const LONGEST_SLUG = 90

/**
 * Where the cache is read from and written to. A branch reads its own and the default branch's, and writes its own. A cache that cannot be written fails
 * no build; ECR takes one only as an image manifest.
 * Source: https://docs.docker.com/build/cache/backends/
 */
export const cacheOf = (kind: 'registry' | 'gha' | 'inline' | 'none', scope: CacheScope): Cache => {
  if (kind === 'none') return { from: [], to: [], tag: undefined }
  const branches = [...new Set([scope.branch, scope.defaultBranch])]
  const [own = '', ...others] = branches.map((branch) => nameOf(scope, branch))
  if (kind === 'gha') {
    const from = [own, ...others].map((name) => `type=gha,scope=${name}`)
    return { from, to: [`type=gha,scope=${own},mode=max,ignore-error=true`], tag: undefined }
  }
  const ref = (name: string): string => csvField(`ref=${scope.repository}:${PREFIX}${name}`)
  const from = [own, ...others].map((name) => `type=registry,${ref(name)}`)
  if (kind === 'inline') return { from, to: ['type=inline'], tag: `${PREFIX}${own}` }
  return {
    from,
    to: [`type=registry,${ref(own)},mode=max,image-manifest=true,oci-mediatypes=true,ignore-error=true`],
    tag: undefined,
  }
}

/** Readable, and of no other platform, target or branch: what is not allowed in a tag may stand in a branch's name. */
const nameOf = ({ platforms, target }: CacheScope, branch: string): string => {
  const parts = [branch, target ?? '', ...[...platforms].sort()]
  const slug = parts
    .filter((part) => part !== '')
    .join('-')
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .slice(0, LONGEST_SLUG)
  const hash = createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 8)
  return `${slug}-${hash}`
}
