import { expect, it } from 'vitest'
import { challengeIn } from '../src/challenge.ts'
import { apiOf, parseRepository, shownRepository } from '../src/repository.ts'

it.each([
  ['nginx', 'docker.io/library/nginx', 'https://registry-1.docker.io/v2/library/nginx'],
  ['acme/shop', 'docker.io/acme/shop', 'https://registry-1.docker.io/v2/acme/shop'],
  ['docker.io/shop', 'docker.io/library/shop', 'https://registry-1.docker.io/v2/library/shop'],
  ['index.docker.io/acme/shop', 'docker.io/acme/shop', 'https://registry-1.docker.io/v2/acme/shop'],
  [' ghcr.io/acme/shop/web ', 'ghcr.io/acme/shop/web', 'https://ghcr.io/v2/acme/shop/web'],
  ['127.0.0.1:5000/shop', '127.0.0.1:5000/shop', 'http://127.0.0.1:5000/v2/shop'],
  ['localhost/shop', 'localhost/shop', 'http://localhost/v2/shop'],
  ['[::1]:5000/a__b/c-d.e', '[::1]:5000/a__b/c-d.e', 'http://[::1]:5000/v2/a__b/c-d.e'],
  ['registry:5000/shop', 'registry:5000/shop', 'https://registry:5000/v2/shop'],
  ['127.0.0.1.evil.example/shop', '127.0.0.1.evil.example/shop', 'https://127.0.0.1.evil.example/v2/shop'],
  [
    '123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop',
    '123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop',
    'https://123456789012.dkr.ecr.eu-west-1.amazonaws.com/v2/shop',
  ],
])('%j is %s', (text, shown, api) => {
  const repository = parseRepository(text)
  if ('problem' in repository) throw new Error(repository.problem)
  expect(shownRepository(repository)).toBe(shown)
  expect(apiOf(repository)).toBe(api)
})

it.each([
  ['', 'is empty; write one such as ghcr.io/acme/shop'],
  ['ghcr.io/Acme/shop', '"ghcr.io/Acme/shop" has upper case letters, which registries refuse; write ghcr.io/acme/shop'],
  ['https://ghcr.io/acme/shop', 'begins with https://; leave it out: "ghcr.io/acme/shop"'],
  ['ghcr.io/acme/shop:1.0', 'has a tag; give the repository alone, ghcr.io/acme/shop, and'],
  ['shop:1.0', 'has a tag; give the repository alone, shop, and'],
  ['localhost:5000/shop:1.0', 'has a tag; give the repository alone, localhost:5000/shop, and'],
  [`ghcr.io/acme/shop:1.0@sha256:${'a'.repeat(64)}`, 'without digest or user: ghcr.io/acme/shop'],
  ['ghcr.io', 'is a host and no repository on it; write one such as ghcr.io/acme/shop'],
  ['localhost:5000', 'is a host and no repository on it; write one such as localhost:5000/acme/shop'],
  ['ghcr.io/acme/', 'has an empty part'],
  ['ghcr.io//shop', 'has an empty part'],
  ['/acme/shop', 'has an empty part'],
  ['ghcr.io/acme shop', 'has blanks in it'],
  ['ghcr.io/acme/_shop', 'has the part "_shop"'],
  ['ghcr.io/acme/../shop', 'has the part ".."'],
  ['ghcr.io/acme/shop?x=1', 'has the part "shop?x=1"'],
  ['-bad-.io/shop', 'begins with "-bad-.io", which is no host'],
  ['ghcr.io:0/shop', 'begins with "ghcr.io:0", which is no host'],
  ['ghcr.io:65536/shop', 'begins with "ghcr.io:65536", which is no host'],
  ['acme/team/shop', 'would be on Docker Hub, where a name is owner/name; begin with the host'],
  [`ghcr.io/${'a'.repeat(255)}`, 'is longer than 255 characters'],
])('%j has a problem: %s', (text, problem) => {
  expect(parseRepository(text)).toEqual({ problem: expect.stringContaining(problem) })
})

it.each([
  [
    'Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:acme/shop:pull,push"',
    { kind: 'bearer', realm: 'https://ghcr.io/token', service: 'ghcr.io', scopes: ['repository:acme/shop:pull,push'] },
  ],
  [
    'Basic realm="a, Bearer b=\\"c\\"", bearer Realm="https://x/t" , scope="a b",error=invalid_token',
    { kind: 'bearer', realm: 'https://x/t', service: undefined, scopes: ['a', 'b'] },
  ],
  ['Basic realm="https://x.dkr.ecr.eu-west-1.amazonaws.com/",service="ecr.amazonaws.com"', { kind: 'basic' }],
  ['Basic', { kind: 'basic' }],
  ['Bearer', undefined],
  ['Negotiate', undefined],
  ['', undefined],
  [undefined, undefined],
])('the challenge %j is read', (header, challenge) => {
  expect(challengeIn(header)).toEqual(challenge)
})
