import { readFileSync } from 'node:fs'
import { checkYaml } from '@sluice/kit/documents'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { isMap, isSeq, LineCounter, parseDocument } from 'yaml'
import * as z from 'zod/mini'
import { assertionProblem, listProblem, regexProblem } from '../assertion.ts'
import { ANY_SUCCESS, type Assertion, type Check, isHeaderValue, type Json, OPERATORS, statusRanges } from '../check.ts'
import { givesList, parseJsonPath } from '../json-path.ts'
import { tooSlow } from '../pattern.ts'
import { namesIn } from '../placeholder.ts'
import { boundedMatch } from './pattern.ts'

/** The checks that were read, or everything that is wrong with them, each as `file:line:column: …`. */
export type ChecksRead = { readonly checks: readonly Check[] } | { readonly problems: readonly string[] }

/**
 * Reads the `checks` input: a path to a YAML or JSON file, or the YAML itself (it spans lines, or starts with `-`, `[` or `{`).
 * The document is a list of checks, or a map with a key `checks` that holds one.
 */
export const readChecks = (input: string): ChecksRead => {
  const inline = /\n|^\s*(-\s|\[|\{)/.test(input.trim())
  if (inline) return parseChecks(input, 'checks')
  const path = input.trim()
  try {
    return parseChecks(readFileSync(path, 'utf8'), path)
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : ''
    return { problems: [`checks names a file that ${REASONS[code] ?? `cannot be read (${code || thrown})`}: ${path}`] }
  }
}

/** Reads a checks document. @param file the name that messages show */
export const parseChecks = (source: string, file: string): ChecksRead => {
  if (source.trim() === '') return { problems: [`${file}:1:1: is empty: it should be a list of checks`] }
  const counter = new LineCounter()
  const document = parseDocument(source.replace(/^\ufeff/, ''), { lineCounter: counter })
  const root = document.contents
  const wrapped = isMap(root) && root.has('checks')
  const result = wrapped ? checkYaml(source, z.strictObject({ checks })) : checkYaml(source, checks)
  if (result.kind === 'wrong') {
    return { problems: result.problems.map(({ line, column, text }) => `${file}:${line}:${column}: ${text}`) }
  }
  const list = Array.isArray(result.value) ? result.value : result.value.checks
  const nodes = wrapped ? root.get('checks') : root
  const places = list.map((_, index) => {
    const node = isSeq(nodes) ? nodes.items[index] : undefined
    const range = isMap(node) ? node.range : undefined
    return counter.linePos(range?.[0] ?? 0)
  })
  const read = list.map((each, index) =>
    toCheck(each, index, file === 'checks' ? undefined : `${file}:${places[index]?.line ?? 1}`),
  )
  const problems = read.flatMap((check, index) =>
    ('problem' in check ? [check.problem] : unknownNames(check, read.slice(0, index))).map(
      (text) => `${file}:${places[index]?.line ?? 1}:${places[index]?.col ?? 1}: ${text}`,
    ),
  )
  return problems.length > 0 ? { problems } : { checks: read.flatMap((each) => ('problem' in each ? [] : [each])) }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  EISDIR: 'is a folder',
  EACCES: 'may not be read',
}

const says = (sentence: (value: Json) => string | undefined) =>
  z.check<Json>((payload) => {
    const message = sentence(payload.value)
    if (message !== undefined) payload.issues.push({ code: 'custom', message, input: payload.value })
  })

const json = z.json() as unknown as z.ZodMiniType<Json>
const status = json.check(
  says((value) => {
    const text = statusText(value)
    const found = text === undefined ? undefined : statusRanges(text)
    return found === undefined
      ? `must be a status such as 200, 2xx, 200-299 or a list of these, not ${JSON.stringify(value)}`
      : undefined
  }),
)
const path = z.string().check(
  z.check<string>((payload) => {
    const steps = parseJsonPath(payload.value)
    if (typeof steps === 'string') payload.issues.push({ code: 'custom', message: steps, input: payload.value })
  }),
)
const capturePath = z.string().check(
  z.check<string>((payload) => {
    if (/^header:.+$/.test(payload.value)) return
    const steps = parseJsonPath(payload.value)
    if (typeof steps === 'string')
      payload.issues.push({ code: 'custom', message: `${steps}; or header:NAME`, input: payload.value })
  }),
)
const operator = z.enum(OPERATORS)
const comparison = z.check<{ op: (typeof OPERATORS)[number]; value?: Json | undefined }>((payload) => {
  const { op, value } = payload.value
  const message =
    value === undefined && op !== 'exists' ? `${op} needs a value` : assertionProblem({ op, value: value ?? true })
  if (message !== undefined) payload.issues.push({ code: 'custom', message, input: payload.value })
})
const ofList = z.check<{ path: string; op: (typeof OPERATORS)[number]; value?: Json | undefined }>((payload) => {
  const { path: text, op, value } = payload.value
  const steps = parseJsonPath(text)
  const message = typeof steps === 'string' || !givesList(steps) ? undefined : listProblem({ op, value: value ?? true })
  if (message !== undefined) payload.issues.push({ code: 'custom', message, input: payload.value })
})
const oneOrMore = z.union([z.string(), z.array(z.string())])
const patterns = z.check<string | string[]>((payload) => {
  for (const source of listOf(payload.value)) {
    const message = regexProblem(source)
    if (message !== undefined) payload.issues.push({ code: 'custom', message, input: payload.value })
  }
})
const headerText = z.string().check(z.refine(isHeaderValue, 'has characters that no header can hold'))
const scalar = z.union([headerText, z.number(), z.boolean()])

const expectation = z.strictObject({
  status: z.optional(status),
  headers: z.optional(
    z.record(
      z.string(),
      z.union([z.string(), z.strictObject({ op: operator, value: z.optional(json) }).check(comparison)]),
    ),
  ),
  json: z.optional(z.array(z.strictObject({ path, op: operator, value: z.optional(json) }).check(comparison, ofList))),
  'json-schema': z.optional(z.union([z.string(), z.record(z.string(), json), z.boolean()])),
  contains: z.optional(oneOrMore),
  matches: z.optional(oneOrMore.check(patterns)),
  'max-ms': z.optional(z.number().check(z.positive())),
})

const checks = z.array(
  z.strictObject({
    name: z.optional(z.string()),
    method: z.optional(z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])),
    path: z.string().check(z.regex(/^(\/|\{\{|$)/, 'must start with /')),
    headers: z.optional(
      z.record(z.string().check(z.regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'is not a header name')), scalar),
    ),
    body: z.optional(json),
    expect: z.optional(expectation),
    capture: z.optional(
      z.record(
        z.string().check(z.regex(/^[A-Za-z_][A-Za-z0-9_-]*$/, 'must be a name of letters, digits, - and _')),
        capturePath,
      ),
    ),
  }),
)
type Written = z.output<typeof checks>[number]

const toCheck = (written: Written, index: number, where: string | undefined): Check | { readonly problem: string } => {
  const expect = written.expect ?? {}
  const compiled = schemaOf(expect['json-schema'])
  if (compiled !== undefined && 'problem' in compiled) return compiled
  const method = written.method ?? (written.body === undefined ? 'GET' : 'POST')
  const { body } = written
  return {
    name: written.name ?? (written.path === '' ? `check ${index + 1}` : `${method} ${written.path}`),
    method,
    path: written.path,
    headers: Object.fromEntries(Object.entries(written.headers ?? {}).map(([name, value]) => [name, String(value)])),
    ...(body === undefined ? {} : { body }),
    expect: {
      status: (expect.status === undefined ? undefined : statusRanges(statusText(expect.status) ?? '')) ?? ANY_SUCCESS,
      headers: Object.fromEntries(
        Object.entries(expect.headers ?? {}).map(([name, value]) => [
          name,
          typeof value === 'string' ? { op: 'eq', value } : asserted(value),
        ]),
      ),
      json: (expect.json ?? []).map((each) => ({ path: each.path, ...asserted(each) })),
      contains: listOf(expect.contains),
      matches: listOf(expect.matches),
      ...(compiled === undefined ? {} : { jsonSchema: compiled.validate }),
      ...(expect['max-ms'] === undefined ? {} : { maxMs: expect['max-ms'] }),
    },
    capture: written.capture ?? {},
    ...(where === undefined ? {} : { where }),
  }
}

const asserted = ({ op, value }: { op: Assertion['op']; value?: Json | undefined }): Assertion => ({
  op,
  value: value ?? true,
})
const listOf = (value: string | readonly string[] | undefined): readonly string[] =>
  value === undefined ? [] : typeof value === 'string' ? [value] : value

const statusText = (value: Json): string | undefined => {
  if (typeof value === 'number' || typeof value === 'string') return String(value)
  if (!Array.isArray(value) || value.length === 0) return undefined
  const texts = value.map((each) => (typeof each === 'number' || typeof each === 'string' ? String(each) : '?'))
  return texts.join(',')
}

type Compiled = { readonly validate: (body: Json) => readonly string[] } | { readonly problem: string }

/** Compiles a JSON Schema (2020-12). `format` is an annotation there, so it is not checked. */
const schemaOf = (written: string | boolean | { readonly [key: string]: Json } | undefined): Compiled | undefined => {
  if (written === undefined) return undefined
  try {
    const schema = typeof written === 'string' ? JSON.parse(readFileSync(written, 'utf8')) : written
    const ajv = new Ajv2020({
      allErrors: true,
      strictTypes: false,
      strictTuples: false,
      validateFormats: false,
      code: { regExp: boundedRegExp },
    })
    const validate = ajv.compile(schema)
    return {
      validate: (body) => {
        try {
          if (validate(body)) return []
          return (validate.errors ?? []).map((each) => `${each.instancePath || 'body'} ${each.message ?? 'is wrong'}`)
        } catch (thrown) {
          return [thrown instanceof Error ? thrown.message : String(thrown)]
        }
      },
    }
  } catch (thrown) {
    const name = typeof written === 'string' ? ` ${written}` : ''
    return { problem: `json-schema${name}: ${thrown instanceof Error ? thrown.message : String(thrown)}` }
  }
}

/** The patterns of a schema, bounded in time as all others are. */
const boundedRegExp = Object.assign(
  (source: string) => {
    new RegExp(source, 'u')
    return {
      // By this a compiled schema tells its patterns apart.
      toString: () => source,
      test: (text: string): boolean => {
        const found = boundedMatch()(source, text)
        if (found === 'too-slow') throw new Error(tooSlow(source))
        return found
      },
    }
  },
  { code: 'undefined' },
)

const unknownNames = (check: Check, before: readonly (Check | { readonly problem: string })[]): readonly string[] => {
  const known = new Set(before.flatMap((each) => ('problem' in each ? [] : Object.keys(each.capture))))
  const { path: where, headers, body, expect } = check
  const asked = namesIn([where, headers, body ?? null, expect.headers, expect.json, expect.contains])
  return [...asked]
    .filter((name) => !known.has(name))
    .map((name) => `{{${name}}} is captured by no earlier check (\\{{${name}}} sends it literally)`)
}
