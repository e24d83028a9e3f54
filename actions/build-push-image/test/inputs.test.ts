import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readInputs } from '@sluice/kit/inputs'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { conflicts, type Inputs, inputs as schema } from '../src/inputs.ts'

const manifest = parse(readFileSync(join(import.meta.dirname, '../action.yml'), 'utf8'))

const read = (given: Readonly<Record<string, string>>): Inputs => {
  const text = (name: string): string => given[name] ?? manifest.inputs[name]?.default ?? ''
  return readInputs(schema, text, conflicts(text))
}
const IMAGES = { images: 'ghcr.io/acme/shop' }
const problems = (given: Readonly<Record<string, string>>): string => {
  try {
    read(given)
    return ''
  } catch (thrown) {
    return String(thrown)
  }
}

test('its keys are those of action.yml', () => {
  expect(Object.keys(schema.shape).sort()).toEqual(Object.keys(manifest.inputs).sort())
})

test('images alone is enough', () => {
  expect(read(IMAGES)).toMatchObject({
    images: ['ghcr.io/acme/shop'],
    push: 'true',
    merge: [],
    platforms: [],
    attempts: 5,
  })
})

test.for([
  [{}, 'images is required'],
  [{ push: 'false', load: 'true' }, 'images is required'],
  [{ ...IMAGES, push: 'maybe' }, 'push'],
  [{ ...IMAGES, attempts: '0' }, 'attempts must be a whole number from 1 to 10'],
  [{ ...IMAGES, platforms: 'amd64' }, 'is no platform such as linux/amd64'],
  [{ ...IMAGES, platforms: 'linux/adm64' }, 'names no architecture'],
  [{ ...IMAGES, platforms: 'linux/amd64,linux/x86_64' }, 'names a platform twice'],
  [{ cache: 'registry', push: 'false' }, 'cache: registry needs images'],
  [{ ...IMAGES, platforms: 'linux/amd64,linux/amd64' }, 'names a platform twice'],
  [{ ...IMAGES, merge: `sha256:${'a'.repeat(64)}` }, 'merge needs platforms'],
  [{ ...IMAGES, merge: 'sha256:abc', platforms: 'linux/amd64' }, 'no digest'],
  [{ ...IMAGES, merge: `sha256:${'a'.repeat(64)}`, platforms: 'linux/amd64', push: 'false' }, 'and push is false'],
  [{ ...IMAGES, load: 'true', platforms: 'linux/amd64,linux/arm64' }, 'load takes one platform'],
  [{ ...IMAGES, cache: 'inline', push: 'by-digest' }, 'only push: true writes one'],
  [{ ...IMAGES, 'registry-username': 'me' }, 'registry-password is empty'],
  [{ ...IMAGES, 'registry-password': 'hunter2' }, 'registry-username is empty'],
  [{ ...IMAGES, secrets: 'token=' }, 'token is empty: is the secret set'],
  [{ ...IMAGES, secrets: 'a=1\na=2' }, 'has a twice'],
  [{ ...IMAGES, 'build-args': 'NAME' }, 'each is NAME=value'],
  [{ ...IMAGES, 'build-args': '--output=x' }, 'each is NAME=value'],
  [{ ...IMAGES, context: '--help' }, 'may not begin with a dash'],
  [{ ...IMAGES, dockerfile: '-' }, 'may not begin with a dash'],
  [{ ...IMAGES, 'ensure-repository': 'imutable: true' }, 'imutable'],
] as const)('%j is refused', ([given, text]) => {
  expect(problems(given)).toContain(text)
})

test('one platform has one name', () => {
  expect(read({ ...IMAGES, platforms: 'linux/aarch64, linux/amd64/v1,linux/armhf' }).platforms).toEqual([
    'linux/arm64',
    'linux/amd64',
    'linux/arm/v7',
  ])
})

test('a line of build arguments may be a comment', () => {
  expect(read({ ...IMAGES, 'build-args': '# what it is\nA=1' })['build-args']).toEqual(['A=1'])
})

test('everything that is wrong is told at once', () => {
  const text = problems({ push: 'maybe', attempts: 'x', secrets: 'nothing' })
  for (const name of ['push', 'attempts', 'secrets', 'images']) expect(text).toContain(name)
})

test('no secret is in what is told about it', () => {
  const given = { secrets: 'tok en=hunter2\nb=hunter3', 'registry-password': 'hunter4', 'secret-files': 'x' }
  expect(problems(given)).not.toMatch(/hunter/)
})

test('what a repository is made with', () => {
  expect(read({ ...IMAGES, 'ensure-repository': 'true' })['ensure-repository']).toEqual({
    immutable: true,
    'scan-on-push': true,
  })
  expect(read({ ...IMAGES, 'ensure-repository': 'immutable: false\nlifecycle: a.json' })['ensure-repository']).toEqual({
    immutable: false,
    'scan-on-push': true,
    lifecycle: 'a.json',
  })
  expect(read(IMAGES)['ensure-repository']).toBeUndefined()
})
