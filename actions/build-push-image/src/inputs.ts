import { plainPlatform } from '@sluice/delivery/platform'
import { checkYaml } from '@sluice/kit/documents'
import { choice, count, type Field, field, lines, optionalText, problem } from '@sluice/kit/fields'
import * as z from 'zod/mini'
import { platformProblem } from './platforms.ts'

type Problem = ReturnType<typeof problem>

const flag: Field<boolean> = field((value) => {
  if (value.trim() === 'true' || value.trim() === 'false') return value.trim() === 'true'
  return problem(`must be true or false, not ${JSON.stringify(value)}`)
})

/** What becomes an argument of a command: a dash would begin an option. */
const argument: Field<string | undefined> = field((value) => {
  const word = value.trim()
  if (word === '') return undefined
  return word.startsWith('-') || /[\0\r\n]/.test(word)
    ? problem(`may not begin with a dash nor have more than one line: ${JSON.stringify(word)}`)
    : word
})

const context: Field<string> = field((value) => {
  const word = value.trim()
  if (word === '') return problem('is empty: give a folder, such as .')
  return word.startsWith('-') || /[\0\r\n]/.test(word)
    ? problem(`may not begin with a dash nor have more than one line: ${JSON.stringify(word)}`)
    : word
})

const platforms: Field<readonly string[]> = field((value) => {
  const all = value
    .split(/[,\n]/)
    .map((word) => word.trim())
    .filter((word) => word !== '')
  const strange = all.find((one) => platformProblem(one) !== undefined)
  if (strange !== undefined) return problem(`has ${JSON.stringify(strange)}, which ${platformProblem(strange)}`)
  const names = all.map(plainPlatform)
  return new Set(names).size < names.length ? problem('names a platform twice') : names
})

const digests: Field<readonly `sha256:${string}`[]> = field((value) => {
  const all = value.split(/\s+/).filter((word) => word !== '')
  const strange = all.find((one) => !/^sha256:[0-9a-f]{64}$/.test(one))
  return strange === undefined
    ? ([...new Set(all)] as `sha256:${string}`[])
    : problem(`has ${JSON.stringify(strange.slice(0, 100))}, which is no digest (sha256: and 64 hexadecimal digits)`)
})

const buildArgs: Field<readonly string[]> = field((value) => {
  const all = value.split('\n').filter((line) => line.trim() !== '' && !line.trim().startsWith('#'))
  const strange = all.find((line) => !/^\s*[A-Za-z_][\w.-]*=/.test(line))
  if (strange !== undefined)
    return problem(`has the line ${JSON.stringify(strange.trim().slice(0, 60))}: each is NAME=value`)
  return all.map((line) => line.trim())
})

type Named = { readonly id: string; readonly value: string }

/** `id=value` lines. No sentence shows more of a line than its id: what stands after it may be a secret. */
const named = (value: string): readonly Named[] | Problem => {
  const found: Named[] = []
  for (const [index, line] of value.split('\n').entries()) {
    if (line.trim() === '') continue
    const at = line.indexOf('=')
    const id = at < 0 ? '' : line.slice(0, at).trim()
    if (!/^[\w.-]{1,100}$/.test(id))
      return problem(`line ${index + 1}: must be id=value, with an id of letters, digits, . _ -`)
    if (line.slice(at + 1).trim() === '')
      return problem(`line ${index + 1}: ${id} is empty: is the secret set, and may this job read it?`)
    if (found.some((one) => one.id === id)) return problem(`has ${id} twice`)
    found.push({ id, value: line.slice(at + 1).replace(/\r$/, '') })
  }
  return found
}

const secrets: Field<readonly Named[]> = field(named)

const secretFiles: Field<readonly { readonly id: string; readonly path: string }[]> = field((value) => {
  const found = named(value)
  if (!Array.isArray(found)) return found as Problem
  return (found as readonly Named[]).map(({ id, value: path }) => ({ id, path: path.trim() }))
})

const settings = z.strictObject({
  immutable: z._default(z.boolean(), true),
  'scan-on-push': z._default(z.boolean(), true),
  lifecycle: z.optional(z.string().check(z.minLength(1))),
  'kms-key': z.optional(z.string().check(z.minLength(1))),
})
/** What a repository is created with at ECR. */
export type RepositorySettings = z.output<typeof settings>

const ensureRepository: Field<RepositorySettings | undefined> = field((value) => {
  const word = value.trim()
  if (word === '' || word === 'false') return undefined
  if (word === 'true') return { immutable: true, 'scan-on-push': true }
  const read = checkYaml(word, settings)
  if (read.kind === 'read') return read.value
  return problem(
    `must be true, false, or YAML with immutable, scan-on-push, lifecycle and kms-key: ${read.problems.map(({ text }) => text).join('; ')}`,
  )
})

/** The keys are action.yml's. Tags, flavor, labels, images and roles are read by what knows their language. */
export const inputs = z.object({
  images: lines,
  context,
  dockerfile: argument,
  target: argument,
  tags: z.string(),
  flavor: z.string(),
  labels: z.string(),
  platforms,
  'build-args': buildArgs,
  secrets,
  'secret-files': secretFiles,
  ssh: lines,
  cache: choice(['none', 'registry', 'gha', 'inline']),
  push: choice(['true', 'by-digest', 'false']),
  merge: digests,
  load: flag,
  provenance: choice(['min', 'max', 'none']),
  sbom: flag,
  'registry-username': optionalText,
  'registry-password': optionalText,
  'aws-role-registries': z.string(),
  'ensure-repository': ensureRepository,
  attempts: count(1, 10),
  'no-cache': flag,
})
/** The inputs as they are read; `undefined` for what was left out. */
export type Inputs = z.output<typeof inputs>

/** What the inputs say together that does not go together, sentences. `read` gives an input's text. */
export const conflicts = (read: (name: string) => string): readonly string[] => {
  const given = (name: string): boolean => read(name).trim() !== ''
  const is = (name: string, value: string): boolean => read(name).trim() === value
  const found: string[] = []
  if (!given('images') && (!is('push', 'false') || is('load', 'true') || given('merge')))
    found.push('images is required: where to push to, such as ghcr.io/acme/shop')
  if (given('merge') && is('push', 'false')) found.push('merge makes an image at the registry, and push is false')
  if (is('cache', 'registry') && !given('images'))
    found.push('cache: registry needs images: the cache is kept in the first')
  if (given('merge') && !given('platforms'))
    found.push('merge needs platforms: an image that lacks one would not be noticed')
  if (given('merge') && is('load', 'true')) found.push('load is for what is built here, and merge builds nothing')
  if (is('load', 'true') && /[,\n]\s*\S/.test(read('platforms').trim()))
    found.push("load takes one platform: Docker's own store cannot hold several of one tag")
  if (is('cache', 'inline') && (!is('push', 'true') || given('merge')))
    found.push('cache: inline is found again by a tag, and only push: true writes one: take registry or gha')
  if (given('registry-username') !== given('registry-password'))
    found.push(
      `registry-${given('registry-username') ? 'password' : 'username'} is empty, and the other is given: is the secret set, and may this job read it?`,
    )
  return found
}
