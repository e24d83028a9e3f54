import { choice, count, duration, field, optionalImage, optionalText, problem } from '@sluice/kit/fields'
import { readInputs } from '@sluice/kit/inputs'
import * as z from 'zod/mini'
import { isHeaderValue } from './check.ts'

/** A Service of the cluster: `namespace/name:port`, the port by number or name. */
export type ServiceAddress = { readonly namespace: string; readonly name: string; readonly port: string }

const url = field((text): URL | undefined | ReturnType<typeof problem> => {
  if (text.trim() === '') return undefined
  const found = URL.canParse(text.trim()) ? new URL(text.trim()) : undefined
  if (found === undefined || !/^https?:$/.test(found.protocol)) {
    return problem(`must be an address such as https://shop.example.com, not ${JSON.stringify(text)}`)
  }
  if (found.username !== '' || found.password !== '') {
    return problem('holds a user name or password; give it as a header instead: headers: "Authorization: Basic …"')
  }
  return found
})

const service = field((text): ServiceAddress | undefined | ReturnType<typeof problem> => {
  if (text.trim() === '') return undefined
  const match = /^([a-z0-9][a-z0-9-]*)\/([a-z][a-z0-9-]*):([a-z0-9-]+)$/.exec(text.trim())
  if (match === null) return problem(`must be namespace/name:port, such as shop/api:80, not ${JSON.stringify(text)}`)
  const [, namespace = '', name = '', port = ''] = match
  return { namespace, name, port }
})

const headers = field((text): Readonly<Record<string, string>> | ReturnType<typeof problem> => {
  const found: Record<string, string> = {}
  for (const line of text.split(/\r?\n/)) {
    if (line.trim() === '') continue
    // The value is a secret more often than not, so what is wrong is said without it.
    const match = /^\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*:\s*(.*?)\s*$/.exec(line)
    if (match === null) return problem('has a line that is not "Name: value"')
    if (!isHeaderValue(match[2] ?? ''))
      return problem(`has a value for ${match[1]} with characters that no header can hold`)
    found[match[1] ?? ''] = match[2] ?? ''
  }
  return found
})

const paths = field((text): readonly string[] | ReturnType<typeof problem> => {
  const found = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
  const wrong = found.find((path) => !path.startsWith('/'))
  return wrong === undefined ? found : problem(`has a path that does not start with /: ${JSON.stringify(wrong)}`)
})

/** The keys are action.yml's. Times are ms. */
export const inputs = z.object({
  checks: optionalText,
  url,
  paths,
  service,
  headers,
  'expect-image': optionalImage,
  retries: count(0, 10_000),
  interval: duration,
  deadline: duration,
  timeout: duration,
  consecutive: count(1, 1000),
  junit: optionalText,
  'on-nothing-to-check': choice(['fail', 'pass']),
  'on-inconclusive': choice(['fail', 'pass']),
  kubeconfig: optionalText,
  context: optionalText,
})
/** The inputs as they are read; `undefined` for what was left out, durations in ms. */
export type Inputs = z.output<typeof inputs>

/**
 * Reads the inputs and what they say together.
 * @param read gives an input's text, empty when it was left out
 * @param others problems that were found elsewhere (in the checks file), to be told with these
 * @throws Fault('input') with everything that is wrong
 */
export const readAll = (read: (name: string) => string, others: readonly string[]): Inputs =>
  readInputs(inputs, read, [...conflicts(read), ...others])

const conflicts = (read: (name: string) => string): readonly string[] => {
  const given = (name: string): boolean => read(name).trim() !== ''
  const found: string[] = []
  if (!given('url') && !given('service')) {
    found.push('url or service is required: where the checks are sent (https://… or namespace/name:port)')
  }
  if (given('url') && given('service') && !given('expect-image')) {
    found.push('url and service are both given: requests go to one of them (both only together with expect-image)')
  }
  if (given('expect-image') && !given('service')) {
    found.push('expect-image needs service: namespace/name:port, to know which pods must run it')
  }
  if (given('checks') && given('paths')) found.push('checks and paths are both given: add the paths to the checks')
  if (!given('url') && given('service') && /^\s*authorization\s*:/im.test(read('headers'))) {
    found.push(
      "headers has Authorization, which the API server's proxy keeps for itself: use url to reach this service",
    )
  }
  return found
}
