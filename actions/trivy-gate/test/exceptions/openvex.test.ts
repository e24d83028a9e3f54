import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { type Artifact, excuses } from '../../src/exceptions/match.ts'
import { readOpenVex, readOpenVexFiles } from '../../src/exceptions/openvex.ts'
import { anyText, inPackage } from './findings.ts'

const ID = 'CVE-2024-1'
const NOW = new Date('2026-06-15T12:00:00Z')
const PAD = 'pkg:npm/left-pad'
const DIGEST = `sha256:${'a'.repeat(64)}`
const image: Artifact = { name: 'ghcr.io/acme/shop:1.2', type: 'container_image', digest: DIGEST }

const statement = (more: object = {}) => ({
  vulnerability: { name: ID },
  products: [{ '@id': PAD }],
  status: 'not_affected',
  justification: 'vulnerable_code_not_in_execute_path',
  ...more,
})
const says = (status: string, more: object = {}) => statement({ status, justification: undefined, ...more })
const document = (statements: readonly unknown[], more: object = {}): string =>
  JSON.stringify({
    '@context': 'https://openvex.dev/ns/v0.2.0',
    '@id': 'https://openvex.dev/docs/example/1',
    author: 'Ada',
    timestamp: '2026-01-10T00:00:00Z',
    version: 1,
    statements,
    ...more,
  })
const read = (statements: readonly unknown[], more: object = {}) =>
  readOpenVex(document(statements, more), 'vex.json', NOW)

/** Whether statements, which have to be good ones, excuse a vulnerability in a package of what was scanned. */
const excused = (statements: readonly unknown[], purl = `${PAD}@1.3.0`, artifact: Artifact | undefined = image) => {
  const { exceptions, problems } = read(statements)
  expect(problems).toEqual([])
  return exceptions.some((exception) => excuses(exception, inPackage(ID, purl), artifact))
}

describe('an OpenVEX document', () => {
  it('gives an exception for each statement that excuses', () => {
    const { exceptions, problems } = read([
      says('affected', { vulnerability: { name: 'CVE-2024-9' }, action_statement: 'update' }),
      statement({
        vulnerability: { '@id': 'https://nvd.nist.gov/1', name: ID, aliases: ['GHSA-aaaa-bbbb-cccc', ID] },
        impact_statement: 'Nothing is padded.',
        status_notes: 'Looked at by Ada. exp:2027-01-31',
      }),
    ])
    expect(problems).toEqual([])
    expect(exceptions).toEqual([
      {
        id: ID,
        aliases: ['GHSA-aaaa-bbbb-cccc', ID],
        source: 'openvex',
        where: 'vex.json, statement 2',
        kinds: ['vulnerability'],
        purls: [PAD],
        scopes: [{ product: PAD }],
        reason: 'vulnerable_code_not_in_execute_path: Nothing is padded.: Looked at by Ada.',
        expires: '2027-01-31',
      },
    ])
  })

  it('excuses by status', () => {
    expect(excused([statement()])).toBe(true)
    expect(excused([says('fixed')])).toBe(true)
    expect(excused([says('affected')])).toBe(false)
    expect(excused([says('under_investigation')])).toBe(false)
  })

  it('excuses by any name of the vulnerability', () => {
    expect(excused([statement({ vulnerability: { name: 'GHSA-aaaa-bbbb-cccc', aliases: [ID] } })])).toBe(true)
    expect(excused([statement({ vulnerability: { name: 'CVE-2024-10' } })])).toBe(false)
  })

  it('excuses by @id, by identifiers, by subcomponents, and in no other package', () => {
    const of = (product: object) => [statement({ products: [{ '@id': 'pkg:npm/none' }, product] })]
    expect(excused(of({ '@id': `${PAD}@1.3.0` }))).toBe(true)
    expect(excused(of({ '@id': `${PAD}@1.3.1` }))).toBe(false)
    expect(excused(of({ '@id': 'https://acme.example/pad', identifiers: { purl: PAD } }))).toBe(true)
    expect(excused(of({ '@id': 'pkg:npm/shop', subcomponents: [{ '@id': PAD }] }))).toBe(true)
    expect(excused(of({ '@id': PAD, subcomponents: [{ '@id': 'pkg:npm/other' }] }))).toBe(false)
    expect(excused(of({ '@id': PAD, subcomponents: [{ identifiers: { cpe23: 'cpe:2.3:a:pad' } }] }))).toBe(false)
    expect(excused(of({ '@id': 'https://acme.example/pad' }))).toBe(false)
    expect(excused(of({ hashes: { 'sha-256': 'aa' } }))).toBe(false)
  })

  const others: readonly [string, Artifact | undefined][] = [
    ['another digest', { ...image, digest: `sha256:${'b'.repeat(64)}` }],
    ['a folder', { name: 'shop', type: 'filesystem' }],
    ['something that is not known', undefined],
  ]
  const byDigest = `pkg:oci/shop@${encodeURIComponent(DIGEST)}?repository_url=ghcr.io/acme/shop&arch=amd64`

  it('about an image excuses in that image, in all of it or in the packages it names', () => {
    expect(excused([statement({ products: [{ '@id': byDigest }] })])).toBe(true)
    expect(excused([statement({ products: [{ '@id': byDigest, subcomponents: [{ '@id': PAD }] }] })])).toBe(true)
    expect(excused([statement({ products: [{ '@id': byDigest, subcomponents: [{ '@id': 'pkg:npm/x' }] }] })])).toBe(
      false,
    )
  })

  test.each(others)('about an image excuses nothing in %s', (_, artifact) => {
    const whole = read([statement({ products: [{ '@id': byDigest }] })]).exceptions
    const part = read([statement({ products: [{ '@id': byDigest, subcomponents: [{ '@id': PAD }] }] })]).exceptions
    for (const exception of [...whole, ...part])
      expect(excuses(exception, inPackage(ID, `${PAD}@1.3.0`), artifact)).toBe(false)
  })

  test.each([
    ['pkg:oci/shop', image.name, true],
    ['pkg:oci/shop?repository_url=ghcr.io/acme', image.name, true],
    ['pkg:oci/shop?repository_url=ghcr.io%2Facme%2Fshop&tag=1.2', image.name, true],
    ['pkg:oci/shop?tag=1.3', image.name, false],
    ['pkg:oci/shop?repository_url=ghcr.io/evil/shop', image.name, false],
    ['pkg:oci/hop', image.name, false],
    ['pkg:oci/alpine?repository_url=index.docker.io/library/alpine', 'alpine:3.20', true],
    ['pkg:oci/alpine?repository_url=docker.io', 'alpine', true],
    ['pkg:oci/alpine?tag=latest', 'docker.io/library/alpine', true],
    ['pkg:oci/alpine?repository_url=docker.io/library', 'evil.example/alpine', false],
    ['pkg:docker/acme/shop@1.2', 'ghcr.io/acme/shop:1.2', true],
    ['pkg:docker/acme/shop@1.2', 'ghcr.io/acme/shop:1.3', false],
    ['pkg:oci/shop', 'localhost:5000/shop', true],
  ])('about %s speaks of %s: %s', (product, name, expected) => {
    expect(excused([statement({ products: [{ '@id': product }] })], undefined, { name, type: 'container_image' })).toBe(
      expected,
    )
  })

  it('names an image by digest in the name too', () => {
    const pinned = { name: `ghcr.io/acme/shop@${DIGEST}`, type: 'container_image' }
    expect(excused([statement({ products: [{ '@id': byDigest }] })], undefined, pinned)).toBe(true)
  })
})

describe('a later statement of an OpenVEX document', () => {
  const at = (day: number, more: object) => ({ ...more, timestamp: `2026-01-0${day}T00:00:00Z` })

  it.each(['affected', 'under_investigation'])('that says %s revokes, wherever it stands', (status) => {
    expect(excused([at(1, statement()), at(2, says(status))])).toBe(false)
    expect(excused([at(2, says(status)), at(1, statement())])).toBe(false)
    expect(excused([at(1, says(status)), at(2, statement())])).toBe(true)
    expect(excused([at(2, statement()), at(1, says(status))])).toBe(true)
  })

  it("without a time has the document's, and of the same time is the one that stands last", () => {
    expect(excused([at(9, statement()), says('affected')])).toBe(false)
    expect(excused([statement(), at(9, says('affected'))])).toBe(true)
    expect(excused([statement(), says('affected')])).toBe(false)
    expect(excused([says('under_investigation'), statement()])).toBe(true)
  })

  it('is found by moments, not by letters', () => {
    const late = { ...says('affected'), timestamp: '2026-01-01T23:00:00-05:00' }
    expect(excused([{ ...statement(), timestamp: '2026-01-02T01:00:00.5+00:00' }, late])).toBe(false)
    expect(excused([{ ...statement(), timestamp: '2026-01-02T04:30:00Z' }, late])).toBe(true)
  })

  it('revokes for what it speaks of, and no more', () => {
    const history = [at(1, statement()), at(2, says('affected', { products: [{ '@id': `${PAD}@1.3.0` }] }))]
    expect(excused(history)).toBe(false)
    expect(excused(history, `${PAD}@1.4.0`)).toBe(true)
    expect(excused([at(1, statement()), at(2, says('affected', { products: [{ '@id': 'pkg:npm/other' }] }))])).toBe(
      true,
    )
    expect(excused([at(1, statement()), at(2, says('affected', { vulnerability: { name: 'CVE-2024-10' } }))])).toBe(
      true,
    )
  })

  it('revokes by another name of the vulnerability', () => {
    const named = statement({ vulnerability: { name: ID, aliases: ['GHSA-aaaa-bbbb-cccc'] } })
    const other = says('affected', { vulnerability: { name: 'GHSA-aaaa-bbbb-cccc' } })
    expect(excused([at(1, named), at(2, other)])).toBe(false)
    const link = says('affected', {
      vulnerability: { name: ID, aliases: ['GHSA-aaaa-bbbb-cccc'] },
      products: [{ '@id': 'pkg:npm/x' }],
    })
    expect(excused([at(1, statement()), at(2, link), at(3, other)])).toBe(false)
  })

  it('about the whole product revokes what was said of its packages', () => {
    const inProduct = (product: string) =>
      statement({ products: [{ '@id': product, subcomponents: [{ '@id': PAD }] }] })
    const whole = (product: string) => says('affected', { products: [{ '@id': product }] })
    expect(excused([at(1, inProduct('https://a.example')), at(2, whole('https://a.example'))])).toBe(false)
    expect(excused([at(1, inProduct('https://a.example')), at(2, whole('https://b.example'))])).toBe(true)
    expect(excused([at(1, inProduct('pkg:npm/shop')), at(2, whole('pkg:npm/shop@1'))])).toBe(false)
    expect(excused([at(1, inProduct('pkg:oci/shop')), at(2, whole('pkg:oci/shop?tag=1.2'))])).toBe(false)
    expect(excused([at(1, inProduct('pkg:oci/shop')), at(2, whole('pkg:oci/shop?tag=1.3'))])).toBe(true)
  })

  it('of something in a product that has no package URL revokes what was said of that product', () => {
    const inProduct = (status: string, product: string, ...parts: readonly object[]) =>
      says(status, { products: [{ '@id': product, subcomponents: parts }], impact_statement: 'x' })
    const unnamed = { '@id': 'https://acme.example/pad' }
    const before = at(1, inProduct('not_affected', 'pkg:npm/shop@1', { '@id': PAD }))
    const later = (status: string, product: string, ...parts: readonly object[]) =>
      excused([before, at(2, inProduct(status, product, ...parts))])
    for (const status of ['affected', 'under_investigation']) {
      expect(later(status, 'pkg:npm/shop@1', unnamed)).toBe(false)
      expect(later(status, 'pkg:npm/shop@1', { '@id': 'pkg:npm/other' }, { hashes: { 'sha-256': 'aa' } })).toBe(false)
      expect(later(status, 'pkg:npm/shop@1', { '@id': 'pkg:npm/other' })).toBe(true)
      expect(later(status, 'pkg:npm/another@1', unnamed)).toBe(true)
    }
    expect(later('fixed', 'pkg:npm/shop@1', unnamed)).toBe(true)
    expect(excused([at(1, statement()), at(2, inProduct('affected', PAD, unnamed))])).toBe(false)
    const hashed = (more: object) => ({ products: [{ hashes: { 'sha-256': 'aa' }, ...more }] })
    const named = statement(hashed({ subcomponents: [{ '@id': PAD }] }))
    expect(excused([at(1, named)])).toBe(true)
    expect(excused([at(1, named), at(2, says('affected', hashed({})))])).toBe(false)
  })

  it('may be of a clock that goes before ours by a day, not more', () => {
    const soon = { ...statement(), timestamp: '2026-06-16T11:59:00Z' }
    expect(excused([soon])).toBe(true)
    const ahead = read([{ ...statement(), timestamp: '2099-01-01T00:00:00Z' }, at(2, says('affected'))])
    expect(ahead).toEqual({ exceptions: [], problems: ['vex.json: statement 1 has a timestamp that is yet to come'] })
  })

  it('of another document revokes too, whichever is read first', () => {
    const first = { text: document([at(1, statement())]), where: 'a.json' }
    const second = { text: document([at(2, says('affected'))]), where: 'b.json' }
    const holds = (files: Parameters<typeof readOpenVexFiles>[0]) =>
      readOpenVexFiles(files, NOW).exceptions.some((one) => excuses(one, inPackage(ID, `${PAD}@1.3.0`)))
    expect(holds([first])).toBe(true)
    expect(holds([first, second])).toBe(false)
    expect(holds([second, first])).toBe(false)
  })

  it('about the very same things takes the place of the earlier, so that only one of them is told', () => {
    expect(read([at(1, statement()), at(2, says('fixed'))]).exceptions.map(({ where }) => where)).toEqual([
      'vex.json, statement 2',
    ])
    const renamed = says('fixed', { vulnerability: { name: 'GHSA-aaaa-bbbb-cccc', aliases: ['CVE-2024-2'] } })
    const linked = statement({ vulnerability: { name: ID, aliases: ['CVE-2024-2'] } })
    expect(excused([at(1, linked), at(2, renamed)])).toBe(true)
  })
})

describe('what is wrong in an OpenVEX document', () => {
  test.each([
    [{ justification: undefined }, 'says not_affected and not why: it needs a justification or an impact_statement'],
    [{ justification: '' }, 'says not_affected and not why'],
    [{ justification: 'component_not_presnt' }, 'has an unknown justification; did you mean "component_not_present"?'],
    [{ status: 'not-affected' }, 'has an unknown status; did you mean "not_affected"?'],
    [{ status: 'constructor' }, 'has an unknown status; known: '],
    [{ status: undefined }, 'has no status'],
    [{ vulnerability: ID }, `needs a vulnerability with a name, not "${ID}"`],
    [{ vulnerability: { '@id': ID } }, 'has a vulnerability without a name'],
    [{ vulnerability: { name: '' } }, 'has a vulnerability that has an empty id'],
    [{ vulnerability: { name: ID, aliases: 'GHSA' } }, 'has aliases that are no list of texts'],
    [{ vulnerability: { name: ID, aliases: [1] } }, 'has aliases that are no list of texts'],
    [{ products: undefined }, 'names no product: it would hold for whatever was scanned'],
    [{ products: [] }, 'names no product'],
    [{ products: PAD }, 'has products that are no list'],
    [{ products: [PAD] }, 'has a product (1) that is no object with @id or identifiers'],
    [{ products: [{}] }, 'has a product (1) that has neither @id nor identifiers nor hashes'],
    [
      { products: [{ '@id': PAD, subcomponent: [] }] },
      'has a product (1) that has an unknown key; did you mean "subcomponents"?',
    ],
    [{ products: [{ '@id': 'pkg:npm' }] }, 'has a product (1) that is named by what is no package URL'],
    [
      { products: [{ '@id': PAD, subcomponents: [{ identifiers: 1 }] }] },
      'has a product (1) that has a subcomponent (1) that has identifiers that are no object',
    ],
    [{ timestamp: 'yesterday' }, 'has a timestamp that is none'],
    [{ timestamp: '2026-02-30T00:00:00Z' }, 'has a timestamp that is none'],
    [{ timestamp: '2026-06-16T12:00:01Z' }, 'has a timestamp that is yet to come'],
    [{ status_notes: 'exp:2027-02-30' }, 'has status_notes with an exp: that is no day'],
    [{ expires: '2027-01-01' }, 'has an unknown key; known: '],
  ])('%j is told with its statement, which excuses nothing', (more, problem) => {
    const { exceptions, problems } = read([
      statement({ vulnerability: { name: 'BEFORE' } }),
      statement(more),
      says('fixed'),
    ])
    expect(problems[0]).toContain(`vex.json: statement 2 ${problem}`)
    expect(exceptions.map(({ id }) => id)).toEqual(['BEFORE', ID])
    expect(exceptions.map(({ where }) => where)).not.toContain('vex.json, statement 2')
  })

  test.each([
    ['', 'is empty'],
    ['\ufeff', 'is empty'],
    ['{', 'is no JSON'],
    [`${document([statement()])}${document([statement()])}`, 'is no JSON'],
    ['null', 'is no OpenVEX 0.2 document: its @context is nothing'],
    ['[]', 'is no OpenVEX 0.2 document'],
    ['{"bomFormat":"CycloneDX","vulnerabilities":[]}', 'it is a CycloneDX document'],
    ['{"document":{"category":"csaf_vex"}}', 'it looks like CSAF'],
    ['{"predicateType":"https://openvex.dev/ns/v0.2.0"}', 'it is an attestation'],
    [
      document([statement()], { '@context': 'https://openvex.dev/ns/v0.0.1' }),
      'its @context is "https://openvex.dev/ns/v0.0.1"',
    ],
    [document([]), 'has no list of statements'],
    [document([statement()], { timestamp: undefined }), 'has no timestamp'],
    [document([statement()], { timestamp: 0 }), 'has a timestamp that is none'],
    [document([statement()], { timestamp: '2099-01-01T00:00:00Z' }), 'has a timestamp that is yet to come'],
    [document([statement()], { statments: [] }), 'has an unknown key; did you mean "statements"?'],
  ])('%j is told', (text, problem) => {
    expect(readOpenVex(text, 'my vex.json', NOW).problems[0]).toContain(
      `my vex.json: ${problem}`.replace('my vex.json: it', 'it'),
    )
  })

  it('is told all at once', () => {
    expect(read([statement({ status: 1, products: [] }), 7]).problems).toEqual([
      'vex.json: statement 1 has no status; known: not_affected, affected, fixed, under_investigation',
      'vex.json: statement 1 names no product: it would hold for whatever was scanned',
      'vex.json: statement 2 is no object',
    ])
  })

  test.each([
    ['a byte order mark', (text: string) => `\ufeff${text}`],
    ['CRLF', (text: string) => JSON.stringify(JSON.parse(text), null, 2).replaceAll('\n', '\r\n')],
    ['the older context', (text: string) => text.replace('/v0.2.0', '')],
  ])('is nothing of %s', (_, change) => {
    const text = document([statement()])
    expect(readOpenVex(change(text), 'vex.json', NOW)).toEqual(readOpenVex(text, 'vex.json', NOW))
    expect(readOpenVex(text, 'vex.json', NOW).problems).toEqual([])
  })

  it('never throws, and takes no other statement away', () => {
    const leaf = fc.oneof(
      fc.jsonValue({ maxDepth: 1 }),
      fc.constantFrom('not_affected', PAD, 'CVE-2024-1', 'pkg:%', null),
    )
    const keys = fc.constantFrom(
      'vulnerability',
      'products',
      'status',
      'timestamp',
      'justification',
      'status_notes',
      '__proto__',
    )
    const junk = fc.oneof(
      leaf,
      fc.dictionary(keys, leaf).map((fields) => statement({ vulnerability: { name: 'B' }, ...fields })),
    )
    fc.assert(
      fc.property(fc.array(junk, { maxLength: 4 }), fc.array(junk, { maxLength: 4 }), (before, after) => {
        const kept = statement({ vulnerability: { name: 'KEPT' } })
        const { exceptions, problems } = read([...before, kept, ...after])
        expect(exceptions.map(({ id }) => id)).toContain('KEPT')
        expect(problems.every((problem) => problem.startsWith('vex.json: statement '))).toBe(true)
      }),
    )
    fc.assert(fc.property(anyText, (text) => void readOpenVex(text, 'vex.json', NOW)))
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 2 }), (value) => void readOpenVex(JSON.stringify(value), 'vex.json', NOW)),
    )
  })
})
