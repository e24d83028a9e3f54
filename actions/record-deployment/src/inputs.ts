import { choice, duration, type Field, field, optionalText, problem, text } from '@sluice/kit/fields'
import { readInputs } from '@sluice/kit/inputs'
import * as z from 'zod/mini'
import { VERDICTS } from './state.ts'

const like = (pattern: RegExp, sentence: string): Field<string> =>
  field((value) => (pattern.test(value.trim()) ? value.trim() : problem(`${sentence}, not ${JSON.stringify(value)}`)))

const optionalUrl = field((value): string | undefined | ReturnType<typeof problem> => {
  if (value.trim() === '') return undefined
  const found = URL.canParse(value.trim()) ? new URL(value.trim()) : undefined
  if (found !== undefined && /^https?:$/.test(found.protocol) && found.username === '' && found.password === '')
    return found.href
  // A password may be in it, so what is wrong is said without it.
  return problem('must be an http or https address without a user name and password')
})

const optionalNumber = field((value): number | undefined | ReturnType<typeof problem> => {
  if (value.trim() === '') return undefined
  if (/^[1-9]\d{0,15}$/.test(value.trim())) return Number(value)
  return problem(`must be the number of a deployment, not ${JSON.stringify(value)}`)
})

const optionalRepository = field((value): string | undefined | ReturnType<typeof problem> => {
  const name = value.trim()
  if (name === '') return undefined
  const tagged = name.includes('@') || name.lastIndexOf(':') > name.lastIndexOf('/')
  return tagged ? problem(`must be an image without tag and digest, not ${JSON.stringify(value)}`) : name
})

/** The keys are action.yml's. Times are ms. */
export const inputs = z.object({
  environment: like(/^[^\r\n]{1,255}$/, 'must be the name of an environment, 1 to 255 characters'),
  service: text,
  digest: like(/^sha256:[0-9a-f]{64}$/, 'must be sha256: and 64 hexadecimal digits'),
  repository: optionalRepository,
  commit: like(/^([0-9a-f]{40})?$/, 'must be a full commit, 40 hexadecimal digits'),
  production: choice(['false', 'true']),
  state: choice(['', 'in_progress']),
  verdict: choice(['', ...VERDICTS]),
  reason: optionalText,
  url: optionalUrl,
  'deployment-id': optionalNumber,
  token: text,
  timeout: duration,
  'on-error': choice(['warn', 'fail']),
})
/** The inputs as they are read; `undefined` for what was left out. */
export type Inputs = z.output<typeof inputs>

/**
 * Reads the inputs and what they say together with the environment.
 * @param read gives an input's text, empty when it was left out
 * @param env GITHUB_SHA and GITHUB_REPOSITORY are read
 * @throws Fault('input') with everything that is wrong, one a line; the token is never shown
 */
export const readAll = (read: (name: string) => string, env: Readonly<Record<string, string | undefined>>): Inputs => {
  const others = [
    ...(read('state').trim() !== '' && read('verdict').trim() !== ''
      ? ['state and verdict are both given: a release is in progress, or it has ended']
      : []),
    ...(read('commit').trim() === '' && !/^[0-9a-f]{40}$/.test(env.GITHUB_SHA ?? '')
      ? ['commit is required where GITHUB_SHA is not set']
      : []),
    ...(/^[^/\s]+\/[^/\s]+$/.test(env.GITHUB_REPOSITORY ?? '')
      ? []
      : ['GITHUB_REPOSITORY must be owner/name: the repository whose deployments are recorded']),
  ]
  const given = readInputs(inputs, read, others)
  return { ...given, commit: given.commit === '' ? (env.GITHUB_SHA ?? '') : given.commit }
}
