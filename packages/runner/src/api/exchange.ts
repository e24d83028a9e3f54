/** One call to the local API. Header names are in lower case; `path` is without the query. */
export type Call = {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: string
}

/** One answer; `body` is sent as JSON. */
export type Reply = {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: unknown
}

/** One entry of `errors` in a 422, as docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#validation-failed lists them. */
export type ValidationError = {
  readonly resource: string
  readonly code: 'missing' | 'missing_field' | 'invalid' | 'already_exists' | 'unprocessable' | 'custom'
  readonly field: string
  readonly message?: string
}

/** GitHub's error body: message, where it is documented, and the status as text. */
export const refused = (
  status: number,
  message: string,
  docs: string,
  {
    errors,
    headers,
  }: { readonly errors?: readonly unknown[]; readonly headers?: Readonly<Record<string, string>> } = {},
): Reply => ({
  status,
  body: {
    message,
    ...(errors === undefined ? {} : { errors }),
    documentation_url: `https://docs.github.com/rest${docs}`,
    status: String(status),
  },
  ...(headers === undefined ? {} : { headers }),
})

/** What GitHub says of a repository or object that is not there, or that the token may not see. */
export const notFound = (docs: string): Reply => refused(404, 'Not Found', docs)

/**
 * What GitHub says when the token lacks a permission.
 * Source: docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#resource-not-accessible
 * @param permission as its header has it: `deployments=write`
 */
export const notAccessible = (permission: string, docs: string): Reply =>
  refused(403, 'Resource not accessible by integration', docs, {
    headers: { 'x-accepted-github-permissions': permission },
  })

/** A 422 whose `errors` say which field is wrong. */
export const invalid = (errors: readonly ValidationError[], docs: string): Reply =>
  refused(422, 'Validation Failed', docs, { errors })

/**
 * The body as an object, or GitHub's refusal of it.
 * Source: docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#problems-parsing-json
 */
export const bodyOf = (
  body: string,
  docs: string,
): { readonly fields: Readonly<Record<string, unknown>> } | { readonly reply: Reply } => {
  try {
    const fields: unknown = JSON.parse(body === '' ? '{}' : body)
    if (typeof fields === 'object' && fields !== null && !Array.isArray(fields))
      return { fields: fields as Record<string, unknown> }
    return { reply: refused(400, 'Body should be a JSON object', docs) }
  } catch {
    return { reply: refused(400, 'Problems parsing JSON', docs) }
  }
}

/** How a field must be for `wrongTypes`. */
export type FieldType = 'string' | 'boolean' | 'strings' | 'payload'

/**
 * The refusal of fields that are missing or of another type than documented; `undefined` when all fit. `null` counts as left out.
 * Source: docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#invalid-request
 */
export const wrongTypes = (
  fields: Readonly<Record<string, unknown>>,
  types: Readonly<Record<string, FieldType>>,
  { required, docs }: { readonly required: readonly string[]; readonly docs: string },
): Reply | undefined => {
  const missing = required.filter((name) => fields[name] == null).map((name) => `"${name}" wasn't supplied.`)
  const wrong = Object.entries(types)
    .filter(([name, type]) => fields[name] != null && !FITS[type](fields[name]))
    .map(([name, type]) => `For 'properties/${name}', ${JSON.stringify(fields[name])} is not a ${WORDS[type]}.`)
  const problems = [...missing, ...wrong]
  return problems.length === 0 ? undefined : refused(422, `Invalid request.\n\n${problems.join('\n')}`, docs)
}

const FITS: Readonly<Record<FieldType, (value: unknown) => boolean>> = {
  string: (value) => typeof value === 'string',
  boolean: (value) => typeof value === 'boolean',
  strings: (value) => Array.isArray(value) && value.every((one) => typeof one === 'string'),
  payload: (value) => typeof value === 'string' || (typeof value === 'object' && !Array.isArray(value)),
}

const WORDS: Readonly<Record<FieldType, string>> = {
  string: 'string',
  boolean: 'boolean',
  strings: 'array of strings',
  payload: 'object or string',
}
