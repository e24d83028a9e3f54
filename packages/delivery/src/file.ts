import { checkYaml, type DocumentProblem } from '@sluice/kit/documents'
import { Fault } from '@sluice/kit/faults'
import { duration } from '@sluice/kit/fields'
import * as z from 'zod/mini'
import { canaryPlan } from './canary.ts'
import { login } from './login.ts'
import { packaging } from './package.ts'
import { references } from './references.ts'
import { ROUTERS } from './routers.ts'
import { sast, scanning } from './scan.ts'
import {
  dnsLabel,
  environmentName,
  imageRepository,
  line,
  lineScalar,
  path,
  pathFromFolder,
  positiveSpan,
  runnerLabels,
  whole,
} from './text.ts'

const scalar = z.union([z.string(), z.number(), z.boolean()], { error: 'must be a text, a number, true or false' })
const absolute = line.check(z.startsWith('/', { error: 'must start with /' }))

const check = z.strictObject({
  name: line.check(
    z.regex(/^[A-Za-z0-9][A-Za-z0-9 ._/-]{0,59}$/, {
      error: 'must be 1 to 60 letters, digits, blanks and ._/- after a letter or digit',
    }),
  ),
  run: z.string().check(z.regex(/\S/, { error: 'is empty: give the command' })),
  timeout: z._default(duration.check(z.refine((ms) => ms > 0, { error: 'must be longer than 0' })), 30 * 60_000),
  folder: z._default(pathFromFolder, '.'),
  env: z._default(z.record(z.string(), scalar), {}),
})

/** One of smoke-test's checks: the names of its keys; what they hold is smoke-test's to say. */
const smokeCheck = z.strictObject({
  name: z.optional(z.unknown()),
  method: z.optional(z.unknown()),
  path: z.string(),
  headers: z.optional(z.unknown()),
  body: z.optional(z.unknown()),
  expect: z.optional(z.unknown()),
  capture: z.optional(z.unknown()),
})

const target = z.strictObject({
  namespace: dnsLabel,
  manifests: z.optional(
    z.union([pathFromFolder, z.array(pathFromFolder).check(z.minLength(1, { error: 'is empty' }))], {
      error: 'must be a path, or a list of paths',
    }),
  ),
  deployment: z.optional(dnsLabel),
  container: z.optional(dnsLabel),
  service: z.optional(dnsLabel),
  'service-port': z._default(z.union([dnsLabel, whole(1, 65535)], { error: "must be the port's number or name" }), 80),
  values: z._default(z.record(z.string(), lineScalar), {}),
  timeout: z._default(positiveSpan, '10m'),
  router: z.optional(z.enum(ROUTERS)),
  route: z.optional(line),
  rule: z.optional(whole(0, 1000)),
})

const described = z.strictObject({
  image: imageRepository,
  folder: z._default(path, '.'),
  checks: z._default(z.array(check), []),
  package: z.optional(packaging),
  scan: z.optional(scanning),
  sast: z.optional(sast),
  start: z.optional(
    z.strictObject({
      run: z.string().check(z.regex(/\S/, { error: 'is empty: give the command' })),
      port: whole(1, 65535),
      ready: absolute,
    }),
  ),
  smoke: z.optional(
    z.union([pathFromFolder, z.array(smokeCheck)], { error: 'must be a path, or the list of checks itself' }),
  ),
  'smoke-deadline': z._default(positiveSpan, '5m'),
  deploy: z._default(z.record(z.string(), target), {}),
  plan: z.optional(canaryPlan),
})

const environment = z.strictObject({
  role: z.enum(['staging', 'production']),
  'runs-on': z._default(runnerLabels, 'ubuntu-latest'),
  context: z.optional(line),
  login: z.optional(login),
  approval: z.optional(z.enum(['environment', 'dispatch', 'none'])),
  'approval-environment': z.optional(environmentName),
  'recovery-environment': z.optional(environmentName),
})

/** The schema of sluice.yml, with its defaults; durations of checks in ms. Source: docs/decisions/0009-sluice-yml.md. */
export const sluiceFile = z.strictObject({
  version: z.literal(1),
  services: z
    .record(z.string(), described)
    .check(z.refine((services) => Object.keys(services).length > 0, { error: 'is empty: name at least one service' })),
  environments: z._default(z.record(z.string(), environment), {}),
  plan: z.optional(canaryPlan),
})
/** sluice.yml as it was read, with the defaults of what it leaves out. */
export type SluiceFile = z.output<typeof sluiceFile>
/** One service of sluice.yml. */
export type Described = SluiceFile['services'][string]
/** One environment of sluice.yml. */
export type Environment = SluiceFile['environments'][string]
/** What a service says of one environment it is deployed to. */
export type Target = Described['deploy'][string]
/** One command of `checks`; `timeout` in ms, `folder` relative to the service's. */
export type CheckCommand = Described['checks'][number]

/** The most that a sluice.yml may hold, bytes of UTF-8. */
export const FILE_LIMIT = 256 * 1024

/** What `checkSluiceFile` found: the file, or every problem with its place. */
export type FileRead =
  | { readonly kind: 'read'; readonly value: SluiceFile }
  | { readonly kind: 'wrong'; readonly problems: readonly DocumentProblem[] }

/** Reads sluice.yml: its shape, and what its parts say of each other. All problems at once, in the file's order. */
export const checkSluiceFile = (text: string): FileRead => {
  if (new TextEncoder().encode(text).length > FILE_LIMIT)
    return entirely(`is larger than ${FILE_LIMIT / 1024} KiB, which no sluice.yml needs`)
  if (isDeep(text)) return entirely(TOO_DEEP)
  try {
    const shape = checkYaml(text, sluiceFile, isText)
    const meaning = checkYaml(text, references)
    // The parser calls itself for each level of a document, and tells its own exhaustion as if it were the document's.
    const deep =
      shape.kind === 'wrong' && shape.problems.some(({ text: said }) => said.startsWith('Maximum call stack'))
    if (deep) return entirely(TOO_DEEP)
    const problems = [shape, meaning].flatMap((result) => (result.kind === 'wrong' ? result.problems : []))
    if (problems.length > 0 || shape.kind === 'wrong') return { kind: 'wrong', problems: inOrder(problems) }
    return { kind: 'read', value: shape.value }
  } catch (thrown) {
    if (thrown instanceof RangeError) return entirely(TOO_DEEP)
    throw thrown
  }
}

/**
 * Reads sluice.yml.
 * @param file the name to show in messages
 * @throws Fault('input') with every problem as `file:line:column: …`
 */
export const readSluiceFile = (text: string, file: string): SluiceFile => {
  const read = checkSluiceFile(text)
  if (read.kind === 'read') return read.value
  const lines = read.problems.map(({ line: at, column, text: said }) => `${file}:${at}:${column}: ${said}`)
  throw new Fault('input', lines.length === 1 ? `${lines[0]}` : `${lines.length} problems:\n  ${lines.join('\n  ')}`)
}

/** The line and column, from 1, that keys lead to in a document; where a key is left out, those of the nearest one that is there. */
export const placeOf = (
  text: string,
  keys: readonly PropertyKey[],
): { readonly line: number; readonly column: number } => {
  const pointed = z.unknown().check(
    z.check<unknown>((payload) => {
      payload.issues.push({ code: 'custom', message: '', input: payload.value, path: [...keys] })
    }),
  )
  const result = checkYaml(text, pointed)
  const { line: at, column } = (result.kind === 'wrong' ? result.problems[0] : undefined) ?? { line: 1, column: 1 }
  return { line: at, column }
}

/**
 * Whether a text may nest deeper than any sluice.yml does. The parser calls itself for each level, and takes seconds to find that there are too many. Brackets in
 * texts and comments are counted as well, which no real file has hundreds of.
 */
const isDeep = (text: string): boolean => {
  let depth = 0
  for (const sign of text) {
    if (sign === '[' || sign === '{') depth++
    else if (sign === ']' || sign === '}') depth = Math.max(0, depth - 1)
    if (depth > DEEPEST) return true
  }
  return new RegExp(`([-?:][ \\t]+){${DEEPEST}}`).test(text)
}
const DEEPEST = 200
const TOO_DEEP = 'is nested too deeply to be read'
const entirely = (text: string): FileRead => ({ kind: 'wrong', problems: [{ line: 1, column: 1, text }] })

/** The values of manifests, the environment of checks, and what an image is built with end up as text. */
const isText = ([root, , part, ...rest]: readonly string[]): boolean =>
  root === 'services' &&
  ((part === 'package' && ['labels', 'build-args'].includes(rest[0] ?? '') && rest.length === 2) ||
    (part === 'checks' && rest[0] === 'env' && rest.length === 2) ||
    (part === 'deploy' && rest[1] === 'values' && rest.length === 3))

/** In the file's order, and none twice: what does not parse is found by both readings. */
const inOrder = (problems: readonly DocumentProblem[]): readonly DocumentProblem[] =>
  [...new Map(problems.map((one) => [`${one.line}:${one.column}:${one.text}`, one])).values()].sort(
    (a, b) => a.line - b.line || a.column - b.column,
  )
