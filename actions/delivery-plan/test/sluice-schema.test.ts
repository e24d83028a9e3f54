import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkSluiceFile, sluiceFile } from '@sluice/delivery/file'
import { references } from '@sluice/delivery/references'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, test } from 'vitest'
import * as z from 'zod/mini'
import { FULL } from './full.ts'
import { withReference } from './reference.ts'

const ROOT = join(import.meta.dirname, '..')
const schema = JSON.parse(readFileSync(join(ROOT, 'sluice.schema.json'), 'utf8'))
const byEditor = new Ajv2020({ strictTypes: false }).compile(schema)
const byUs = (value: unknown): boolean => z.safeParse(sluiceFile, value).success && namesOf(value)
/** Names that are keys are looked at beside the shape; what else the parts say of each other no JSON Schema can say. */
const namesOf = (value: unknown): boolean =>
  (z.safeParse(references, value).error?.issues ?? []).every(({ message }) => !/^must be a (name|DNS)/.test(message))

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }
type Change = { readonly name: string; readonly document: unknown }

/** Values that somewhere are right and elsewhere are not. */
const VALUES: readonly Json[] = [
  null,
  true,
  0,
  1,
  1.5,
  -1,
  99,
  70_000,
  '',
  ' ',
  'a',
  'A_b',
  'Shop Two',
  'x'.repeat(64),
  '-a',
  '1',
  '10m',
  '0s',
  '0.0h',
  '1.5h',
  '10',
  'm',
  '/abs',
  '~/a',
  '../up',
  'a/../b',
  'C:/x',
  'a\\b',
  'a\nb',
  'a,b',
  'registry.example/a:v1',
  'registry.example/a@sha256:0',
  'registry.example:5000/a/b-c',
  'Registry/Shop',
  'staging',
  'production',
  'dispatch',
  'replicas',
  'probe',
  'min',
  'none',
  'linux/amd64',
  'https://sonar.example/x',
  '1.2.3',
  '123456789012.dkr.ecr.eu-west-1.amazonaws.com',
  'arn:aws:iam::123456789012:role/a',
  ['HIGH'],
  ['vuln'],
  ['go'],
  ['linux/amd64'],
  { 'linux/amd64': 'a,b' },
  { 'linux/amd64': [] },
  { HIGH: 7 },
  { config: 'a' },
  [],
  ['a'],
  ['a', 1],
  ['/abs'],
  {},
  { a: 1 },
  { 'a b': 'c' },
  { A_1: 'line\nbreak' },
  { A_1: '' },
]

describe('what an editor is told is what the action says', () => {
  test('a file with every key is accepted by both, its references included', () => {
    byEditor(FULL)
    expect(byEditor.errors ?? []).toEqual([])
    expect(checkSluiceFile(JSON.stringify(FULL))).toMatchObject({ kind: 'read' })
  })

  test('of every file that differs from it in one value, key or item, both say the same', () => {
    const changes = changesOf(FULL as unknown as Json)
    const differ = changes.filter(({ document }) => byEditor(document) !== byUs(document))
    const wrong = changes.filter(({ document }) => !byUs(document))
    expect(differ.map(({ name }) => name)).toEqual([])
    // Neither says yes, or no, to everything.
    expect(wrong.length).toBeGreaterThan(3000)
    expect(changes.length - wrong.length).toBeGreaterThan(300)
    // Some thousands of files, each read twice: long on a busy machine.
  }, 120_000)

  test('no key is known to one of them only', () => {
    const all = (value: Json): readonly string[] =>
      typeof value !== 'object' || value === null
        ? []
        : Array.isArray(value)
          ? value.flatMap(all)
          : Object.entries(value).flatMap(([key, each]) => [key, ...all(each)])
    const used = new Set(all(FULL as unknown as Json))
    const described = (at: typeof schema): readonly string[] =>
      typeof at !== 'object' || at === null
        ? []
        : [...Object.keys(at.properties ?? {}), ...Object.values(at).flatMap(described)]
    expect(described(schema).filter((key) => !used.has(key))).toEqual([])
  })
})

test("README's reference is made of the schema (node actions/delivery-plan/test/reference.ts makes it anew)", () => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')
  expect(withReference(readme)).toBe(readme)
})

test('each description says the default, and a default in the schema is the one it says', () => {
  const wrong = (at: typeof schema, path: string, required: boolean): readonly string[] => {
    const own =
      at.description !== undefined && !required && !/^#$|recovery|NAME$/.test(path) && !/Default/.test(at.description)
        ? [`${path} says no default`]
        : []
    const said =
      at.default !== undefined && !String(at.description).includes(String(at.default)) ? [`${path} says another`] : []
    return [
      ...own,
      ...said,
      ...Object.entries<typeof schema>(at.properties ?? {}).flatMap(([key, each]) =>
        wrong(each, `${path}.${key}`, at.required?.includes(key) === true),
      ),
    ]
  }
  const optional = Object.entries<typeof schema>(schema.$defs)
    .filter(([name]) => ['service', 'package', 'scan', 'sast', 'check', 'target', 'environment', 'plan'].includes(name))
    .flatMap(([name, at]) => wrong({ ...at, description: undefined }, name, true))
  expect(optional).toEqual([])
})

/** The document with one value changed, one key or item taken away, or one added, at every place. */
const changesOf = (document: Json): readonly Change[] => {
  const places = placesOf(document, [])
  return places.flatMap(({ path, value }) => [
    ...VALUES.map((given) => ({
      name: `${path.join('.')} = ${JSON.stringify(given)}`,
      document: withValue(document, path, given),
    })),
    ...(path.length === 0 ? [] : [{ name: `no ${path.join('.')}`, document: withValue(document, path, undefined) }]),
    ...(typeof value === 'object' && value !== null && !Array.isArray(value)
      ? ['unknown', 'Bad Name', 'services'].map((key) => ({
          name: `${path.join('.')} + ${key}`,
          document: withValue(document, [...path, key], {}),
        }))
      : []),
  ])
}

type Path = readonly (string | number)[]

const placesOf = (value: Json, path: Path): readonly { readonly path: Path; readonly value: Json }[] => [
  { path, value },
  ...(Array.isArray(value)
    ? value.flatMap((each, index) => placesOf(each, [...path, index]))
    : typeof value === 'object' && value !== null
      ? Object.entries(value).flatMap(([key, each]) => placesOf(each, [...path, key]))
      : []),
]

const withValue = (document: Json, [first, ...rest]: Path, given: Json | undefined): unknown => {
  if (first === undefined) return given
  const copy: Record<string | number, unknown> = (
    Array.isArray(document) ? [...document] : { ...(document as object) }
  ) as Record<string | number, unknown>
  if (rest.length === 0 && given === undefined) {
    if (Array.isArray(copy)) copy.splice(Number(first), 1)
    else delete copy[first]
  } else copy[first] = withValue((copy[first] ?? {}) as Json, rest, given)
  return copy
}
