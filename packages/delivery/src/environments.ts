import { parseDuration } from '@sluice/kit/fields'
import { type Fields, type Found, fields } from './found.ts'
import { isSession } from './login.ts'

/** What environments say that does not fit together: the same name twice, approvals that nobody gives, repairs that wait for a person. */
export const environmentProblems = (environments: Fields): readonly Found[] => [
  ...sameNames(Object.keys(environments)),
  ...Object.entries(environments).flatMap(([name, one]) => ofEnvironment(name, fields(one))),
  ...Object.entries(environments).flatMap(([name, one]) => sessions(name, fields(one))),
  ...repairWaits(environments),
]

/** GitHub's names of environments do not differ by case. */
const sameNames = (names: readonly string[]): readonly Found[] =>
  names.flatMap((name, index) => {
    const first = names.slice(0, index).find((other) => other.toLowerCase() === name.toLowerCase())
    const text = `is the same environment as ${first}: GitHub does not tell names apart by case`
    return first === undefined ? [] : [{ path: ['environments', name], text }]
  })

const ofEnvironment = (name: string, one: Fields): readonly Found[] => {
  const path = ['environments', name]
  if (one.role === 'staging')
    return ['approval', 'approval-environment', 'recovery-environment']
      .filter((key) => Object.hasOwn(one, key))
      .map((key) => ({ path: [...path, key], text: `is for production only: ${name} has the role staging` }))
  const approval = one.approval ?? 'environment'
  const found: Found[] = []
  if (approval !== 'environment' && one['approval-environment'] !== undefined)
    found.push({
      path: [...path, 'approval-environment'],
      text: `is given, but approval is ${String(approval)}: nobody would be asked`,
    })
  if (String(one['approval-environment']).toLowerCase() === name.toLowerCase())
    found.push({
      path: [...path, 'approval-environment'],
      text: `must not be ${name} itself: its reviewers would be asked again by the canary's job`,
    })
  return found
}

/** A session that no role gives would end the job at its login. */
const sessions = (name: string, one: Fields): readonly Found[] => {
  const aws = fields(fields(one.login).aws)
  return [
    { path: ['session'], given: aws.session },
    { path: ['recovery', 'session'], given: fields(aws.recovery).session },
  ].flatMap(({ path, given }) => {
    const ms = typeof given === 'string' ? parseDuration(given) : undefined
    if (ms === undefined || isSession(ms)) return []
    return [
      {
        path: ['environments', name, 'login', 'aws', ...path],
        text: `must be from 15m to 12h, not ${given}: what AWS gives`,
      },
    ]
  })
}

/** A job that repairs must not wait for a reviewer. */
const repairWaits = (environments: Fields): readonly Found[] => {
  const asked = Object.entries(environments).flatMap(([name, one]) => {
    const { role, approval = 'environment', 'approval-environment': given } = fields(one)
    if (role !== 'production' || approval !== 'environment') return []
    return [String(given ?? `${name}-approval`).toLowerCase()]
  })
  return Object.entries(environments).flatMap(([name, one]) => {
    const given = fields(one)['recovery-environment']
    if (given === undefined || !asked.includes(String(given).toLowerCase())) return []
    const text = `must not be an environment that waits for approval: a bad release would stay until somebody looks`
    return [{ path: ['environments', name, 'recovery-environment'], text }]
  })
}
