import { parseDuration } from '@sluice/kit/fields'
import type { Described, Environment, Target } from './file.ts'
import { loginsOf } from './login.ts'
import type { PlannedEnvironment } from './plan.ts'
import { joined } from './text.ts'

/** A service in one of its environments; its folder is from the repository's root. */
export type Place = {
  readonly service: string
  readonly described: Described
  readonly name: string
  readonly target: Target
  readonly environment: Environment
}

/** Minutes of a job around its work: start, checkout, login, records. */
export const AROUND = 15

/** Whole minutes that hold a time in ms. */
export const minutes = (ms: number): number => Math.ceil(ms / 60_000)

/** What a job needs to deploy there. */
export const environmentOf = ({ service, described, name, target, environment }: Place): PlannedEnvironment => {
  const { manifests = [], values } = target
  const deployMs = parseDuration(target.timeout) ?? 0
  const smokeMs = parseDuration(described['smoke-deadline']) ?? 0
  // Once to get there, once to go back.
  const timeout = minutes(2 * deployMs + smokeMs) + AROUND
  return {
    environment: name,
    namespace: target.namespace,
    deployment: target.deployment ?? service,
    container: target.container ?? null,
    service: target.service ?? service,
    'service-port': String(target['service-port']),
    manifests: (typeof manifests === 'string' ? [manifests] : manifests)
      .map((each) => asPath(joined(described.folder, each)))
      .join('\n'),
    values: Object.entries(values)
      .map(([key, value]) => `${key}=${value}`)
      .join('\n'),
    timeout: target.timeout,
    context: environment.context ?? null,
    'runs-on': environment['runs-on'],
    smoke: smokeOf(described),
    'smoke-deadline': described['smoke-deadline'],
    login: loginsOf(environment.login, timeout).release,
    'timeout-minutes': timeout,
    group: `sluice-${service}-${name}`,
  }
}

/** What smoke-test takes as `checks`. JSON is YAML, and a list on one line starts with a bracket, so it is not taken for a path. */
const smokeOf = ({ folder, smoke }: Described): string => {
  if (smoke === undefined) return ''
  return typeof smoke === 'string' ? asPath(joined(folder, smoke)) : JSON.stringify(smoke)
}

/** A path that its reader takes for nothing else: deploy leaves out lines that start with `#`, smoke-test takes a bracket or `- ` for the checks themselves. */
const asPath = (path: string): string => (/^([#[{]|-\s)/.test(path) ? `./${path}` : path)
