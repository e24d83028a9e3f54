import { describe as describeFault, Fault } from '@sluice/kit/faults'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { connectRegistry, type Registry } from '../src/registry.ts'
import { digestOf, imageFor, indexOf, part } from './images.ts'
import { type Answer, startRegistry, type TestRegistry } from './server.ts'

let server: TestRegistry
beforeEach(async () => {
  server = await startRegistry()
})
afterEach(() => server.close())

const connected = (): Registry =>
  connectRegistry(
    { host: server.host, path: 'acme/shop' },
    { credentials: async () => undefined, attempts: 1, signal: new AbortController().signal },
  )

const faultOf = async (work: Promise<unknown>): Promise<string> => {
  const thrown = await work.then(
    (value) => new Error(`no fault, but ${JSON.stringify(value)}`),
    (error: unknown) => error,
  )
  if (!(thrown instanceof Fault)) throw thrown
  return describeFault(thrown)
}

const OCI_INDEX = 'application/vnd.oci.image.index.v1+json'
const OCI_IMAGE = 'application/vnd.oci.image.manifest.v1+json'

/** A registry that has these texts, each by its digest, and the first by every tag. */
const holding = (...texts: readonly string[]): void => {
  const [top = ''] = texts
  server.before = ({ url }): Answer => {
    const body = texts.find((text) => url.endsWith(digestOf(text))) ?? (url.includes('sha256:') ? undefined : top)
    return body === undefined ? { status: 404 } : { status: 200, body }
  }
}

const GOOD = imageFor('linux/amd64')
const DIGEST = digestOf(GOOD.text)
const json = (value: unknown): string => JSON.stringify(value)
const wrongConfig = json({ architecture: 'amd64' })
const imageOf = (config: string, more = {}): string =>
  json({
    schemaVersion: 2,
    mediaType: OCI_IMAGE,
    config: part(config, 'application/vnd.oci.image.config.v1+json'),
    layers: [],
    ...more,
  })

it.each([
  ['no JSON', ['<html>'], 'is not an object of JSON: "<html>"'],
  ['a list', ['[]'], 'is not an object of JSON'],
  ['nothing', [''], 'is not an object of JSON'],
  ['JSON in a million brackets', ['['.repeat(1_000_000)], 'is not an object of JSON'],
  ['neither image nor index', ['{}'], 'is none of an image or an index'],
  [
    'a manifest of the first version',
    [json({ schemaVersion: 1, mediaType: 'application/vnd.docker.distribution.manifest.v1+prettyjws' })],
    'push the image again',
  ],
  [
    'image and index at once',
    [json({ mediaType: OCI_INDEX, manifests: [], config: {}, layers: [] })],
    'says it is one thing and is another',
  ],
  [
    'an index by name, an image by content',
    [json({ mediaType: OCI_INDEX, config: {}, layers: [] })],
    'says it is one thing and is another',
  ],
  ['no layers', [json({ mediaType: OCI_IMAGE, config: part('', '') })], 'has no list of layers'],
  ['no config', [json({ mediaType: OCI_IMAGE, layers: [] })], 'names a part without digest'],
  [
    'a size below nothing',
    [json({ mediaType: OCI_IMAGE, config: { ...part('', ''), size: -1 }, layers: [] })],
    'names a part without digest',
  ],
  [
    'a digest that leads elsewhere',
    [json({ mediaType: OCI_IMAGE, config: { ...part('', ''), digest: '../../x' }, layers: [] })],
    'names a part without digest',
  ],
  ['a list that is none', [json({ mediaType: OCI_INDEX, manifests: 'many' })], 'has no list of manifests'],
  ['an index of indexes', [json({ mediaType: OCI_INDEX, manifests: [part('{}', OCI_INDEX)] })], 'lists another index'],
  [
    'an index of an index that says it is an image',
    [json({ mediaType: OCI_INDEX, manifests: [part(indexOf([GOOD]).text, OCI_IMAGE)] }), indexOf([GOOD]).text],
    'is an index and is listed as an image',
  ],
  [
    'an index of too many',
    [json({ mediaType: OCI_INDEX, manifests: Array(201).fill(part(GOOD.text, OCI_IMAGE)) })],
    'lists 201 manifests',
  ],
  [
    'an index of what is not there',
    [json({ mediaType: OCI_INDEX, manifests: [part(GOOD.text, OCI_IMAGE)] })],
    `The image ${DIGEST} that`,
  ],
  ['an image whose configuration is not there', [GOOD.text], 'The configuration sha256:'],
  ['a configuration without os', [imageOf(wrongConfig), wrongConfig], 'says no os and architecture'],
  ['a configuration that is no JSON', [imageOf('x'), 'x'], 'is not an object of JSON: "x"'],
])('%s is told as what it is', async (_, texts, sentence) => {
  holding(...texts)
  expect(await faultOf(connected().image('1.0'))).toContain(sentence)
})

it('what is no image of a container has no platform and no labels', async () => {
  const chart = json({
    mediaType: OCI_IMAGE,
    config: part('{}', 'application/vnd.cncf.helm.config.v1+json'),
    layers: [],
  })
  holding(chart, '{}')
  expect(await connected().image('1.0')).toEqual({ digest: digestOf(chart), platforms: [], labels: {} })
})

it('a manifest of another digest than the one asked for, or the one said, is not taken', async () => {
  const other = imageFor('linux/arm64').text
  server.before = () => ({ status: 200, body: other })
  expect(await faultOf(connected().manifest(DIGEST))).toContain(`answered with ${digestOf(other)} for`)
  server.before = () => ({ status: 200, body: other, headers: { 'docker-content-digest': DIGEST } })
  expect(await faultOf(connected().manifest('1.0'))).toContain(`which is to be ${DIGEST}`)
  expect(await faultOf(connected().find(digestOf(other)))).toContain(`answered with ${DIGEST} for`)
})

it('a manifest that is written as another digest is not said to be written', async () => {
  server.before = () => ({ status: 201, headers: { 'docker-content-digest': digestOf('other') } })
  expect(await faultOf(connected().put('1.0', GOOD))).toContain(`answered with ${digestOf('other')} for`)
  server.before = ({ method }) => (method === 'PUT' ? { status: 201 } : { status: 404 })
  expect(await faultOf(connected().put('1.0', GOOD))).toContain('answered with nothing for')
})

it('a blob that is not what its digest says is not taken', async () => {
  server.before = ({ url }) => ({ status: 200, body: url.includes('/blobs/') ? '{"os":"linux"}' : GOOD.text })
  expect(await faultOf(connected().image('1.0'))).toContain(`answered with ${digestOf('{"os":"linux"}')} for`)
})

it('a manifest of 100 MB is not read', async () => {
  server.before = () => ({ status: 200, body: ' '.repeat(100 * 1024 * 1024) })
  expect(await faultOf(connected().manifest('1.0'))).toContain('is too long: the answer of')
})

it.each([
  ['in a circle', (url: string) => url, 'the pages lead in a circle'],
  [
    'without end',
    (url: string) => `/v2/acme/shop/tags/list?n=1000&last=${url.length}${Math.random()}`,
    'more than 2000 pages',
  ],
  ['to another host', () => 'https://elsewhere.example/v2/acme/shop/tags/list', 'on another host, elsewhere.example'],
  ['nowhere', () => 'http://[', 'the next page has no address'],
])('pages of tags that lead %s are not followed', async (_, next, sentence) => {
  server.before = ({ url }) => ({
    status: 200,
    body: '{"tags":["a"]}',
    headers: { link: `<${next(url)}>; rel="next"` },
  })
  expect(await faultOf(connected().tags())).toContain(sentence)
})

it('more than 100,000 tags are said to be too many', async () => {
  let page = 0
  server.before = () => {
    page += 1
    const tags = Array.from({ length: 50_000 }, (_, index) => `t${page}-${index}`)
    return {
      status: 200,
      body: json({ tags }),
      headers: { link: `</v2/acme/shop/tags/list?page=${page}>; rel="next"` },
    }
  }
  expect(await faultOf(connected().tags())).toContain('has more than 100000 tags, which are not all read')
  expect(page).toBe(3)
})

it.each(['<html>', '{}', '{"tags":"a"}', '{"tags":[1]}'])('a list of tags that is %s is told', async (body) => {
  server.before = () => ({ status: 200, body })
  expect(await faultOf(connected().tags())).toContain('The list of tags of')
})

it.each([
  ['no JSON', 'hello'],
  ['no token', '{"token":null}'],
  ['a token with a line break', '{"token":"a\\r\\nX-Evil: 1"}'],
])("a token's server with %s is told", async (_, body) => {
  server.before = ({ url }) =>
    url.startsWith('/token')
      ? { status: 200, body }
      : { status: 401, headers: { 'www-authenticate': `Bearer realm="http://${server.host}/token"` } }
  expect(await faultOf(connected().find('1.0'))).toContain('answered with no token when asked to give a token to pull')
})

it.each(['a b', '', '../x', 'a/b', 'a?b=c', '-a', 'a'.repeat(129)])(
  'the reference %j is not asked for',
  async (reference) => {
    await expect(faultOf(connected().find(reference))).resolves.toContain('is neither a tag nor a digest')
    expect(server.calls).toEqual([])
  },
)

it('words of a registry are one line of an error, without what a terminal would obey', async () => {
  server.before = () => ({ status: 418, body: `a\n::error::b\u001b[31m${'c'.repeat(1000)}` })
  const said = await faultOf(connected().manifest('1.0'))
  expect(said).toContain('418 (a ::error::b [31mccc')
  expect(said.length).toBeLessThan(600)
  for (const one of ['\n', '\u001b']) expect(said).not.toContain(one)
})

it('an index that lists an image as another platform than it is of is refused', async () => {
  const claimed = { ...part(GOOD.text, OCI_IMAGE), platform: { os: 'linux', architecture: 'arm64' } }
  holding(json({ mediaType: OCI_INDEX, manifests: [claimed] }), GOOD.text, ...GOOD.blobs)
  expect(await faultOf(connected().image('1'))).toContain('lists')
})
