import { expect, it } from 'vitest'
import { type CacheScope, cacheOf } from '../../src/build/cache.ts'

const SCOPE: CacheScope = {
  repository: 'r.example/shop',
  platforms: ['linux/amd64'],
  target: 'runtime',
  branch: 'main',
  defaultBranch: 'main',
}
const tagOf = (scope: Partial<CacheScope>): string => cacheOf('inline', { ...SCOPE, ...scope }).tag ?? ''

it('in a registry is one tag, which it reads and writes, as an image that ECR takes', () => {
  const tag = tagOf({})
  expect(tag).toMatch(/^buildcache-main-runtime-linux-amd64-[0-9a-f]{8}$/)
  expect(cacheOf('registry', SCOPE)).toEqual({
    from: [`type=registry,ref=r.example/shop:${tag}`],
    to: [`type=registry,ref=r.example/shop:${tag},mode=max,image-manifest=true,oci-mediatypes=true,ignore-error=true`],
    tag: undefined,
  })
})

it("of a branch reads its own, then the default branch's, and writes its own", () => {
  const scope = { ...SCOPE, branch: 'feature/x' }
  const own = cacheOf('gha', scope).to[0] ?? ''
  expect(own).toMatch(/^type=gha,scope=feature-x-runtime-linux-amd64-[0-9a-f]{8},mode=max,ignore-error=true$/)
  expect(cacheOf('gha', scope).from).toEqual([own.replace(/,mode.*/, ''), ...cacheOf('gha', SCOPE).from])
  expect(cacheOf('registry', scope).from.at(-1)).toBe(cacheOf('registry', SCOPE).from[0])
})

it('inline is in the image, which needs a tag to be found by', () => {
  const cache = cacheOf('inline', SCOPE)
  expect(cache.to).toEqual(['type=inline'])
  expect(cache.from).toEqual([`type=registry,ref=r.example/shop:${cache.tag}`])
})

it('is none where none is wanted', () => {
  expect(cacheOf('none', SCOPE)).toEqual({ from: [], to: [], tag: undefined })
})

it('is nobody else’s: not of another branch, platform or target, however they are called', () => {
  const tags = [
    tagOf({}),
    tagOf({ branch: 'a/b', target: undefined }),
    tagOf({ branch: 'a-b', target: undefined }),
    tagOf({ branch: 'a', target: 'b' }),
    tagOf({ platforms: ['linux/arm64'] }),
    tagOf({ platforms: ['linux/arm/v64'] }),
    tagOf({ platforms: [] }),
    tagOf({ branch: `${'long/'.repeat(60)}1` }),
    tagOf({ branch: `${'long/'.repeat(60)}2` }),
    tagOf({ branch: 'ветка' }),
  ]
  expect(new Set(tags).size).toBe(tags.length)
  for (const tag of tags) expect(tag).toMatch(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/)
  expect(tagOf({ platforms: ['linux/arm64', 'linux/amd64'] })).toBe(
    tagOf({ platforms: ['linux/amd64', 'linux/arm64'] }),
  )
})
