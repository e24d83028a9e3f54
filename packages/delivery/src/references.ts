import { unknownName } from '@sluice/kit/nearest'
import * as z from 'zod/mini'
import { leavesRepository, nameProblem } from './text.ts'

type Found = { readonly path: readonly PropertyKey[]; readonly text: string }
type Fields = Readonly<Record<string, unknown>>

/**
 * What the parts of sluice.yml say of each other, as a schema that takes any document and finds fault only with that. It looks at what is there, so
 * its problems are told together with those of the shape.
 */
export const references = z.unknown().check(
  z.check<unknown>((payload) => {
    const { value } = payload
    for (const { path, text } of [...strangeKeys(value), ...contradictions(value)])
      payload.issues.push({ code: 'custom', message: text, input: value, path: [...path] })
  }),
)

/** Keys that JavaScript takes for something else. */
const strangeKeys = (value: unknown, path: readonly PropertyKey[] = []): readonly Found[] => {
  if (typeof value !== 'object' || value === null || path.length > 64) return []
  return Object.keys(value).flatMap((key) =>
    key === '__proto__'
      ? [{ path: [...path, key], text: 'is no name for anything' }]
      : strangeKeys((value as Fields)[key], [...path, key]),
  )
}

const contradictions = (value: unknown): readonly Found[] => {
  const file = fields(value)
  const environments = fields(file.environments)
  const services = Object.entries(fields(file.services))
  return [
    ...services.flatMap(([name]) => badName('service', name, ['services'])),
    ...Object.keys(environments).flatMap((name) => badName('environment', name, ['environments'])),
    ...sameNames(Object.keys(environments)),
    ...Object.entries(environments).flatMap(([name, one]) => ofEnvironment(name, fields(one))),
    ...repairWaits(environments),
    ...services.flatMap(([name, one]) => ofService(name, fields(one), environments)),
    ...sharedPlaces(services),
    ...rising(file.plan, ['plan']),
  ]
}

/** Names that are keys are looked at here: a schema that refuses a key says nothing more of what is under it. */
const badName = (
  what: Parameters<typeof nameProblem>[0],
  name: string,
  path: readonly PropertyKey[],
): readonly Found[] => {
  const text = name === '__proto__' ? undefined : nameProblem(what, name)
  return text === undefined ? [] : [{ path: [...path, name], text }]
}

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

const ofService = (name: string, one: Fields, environments: Fields): readonly Found[] => {
  const path = ['services', name]
  const deploy = Object.entries(fields(one.deploy))
  const roleOf = (environment: string): unknown =>
    Object.hasOwn(environments, environment) ? fields(environments[environment]).role : undefined
  const unknown = deploy
    .filter(([environment]) => !Object.hasOwn(environments, environment))
    .map(([environment]) => ({
      path: [...path, 'deploy', environment],
      text:
        Object.keys(environments).length === 0
          ? `unknown environment "${environment}"; environments names none`
          : unknownName('environment', environment, Object.keys(environments)),
    }))
  const twice = (['staging', 'production'] as const).flatMap((role) => {
    const [first, ...more] = deploy.map(([environment]) => environment).filter((each) => roleOf(each) === role)
    return more.map((environment) => ({
      path: [...path, 'deploy', environment],
      text: `is a second ${role} environment beside ${first}: a service has at most one of each role`,
    }))
  })
  const production = deploy.flatMap(([environment, target]) =>
    roleOf(environment) !== 'staging'
      ? []
      : ['router', 'route', 'rule']
          .filter((key) => Object.hasOwn(fields(target), key))
          .map((key) => ({
            path: [...path, 'deploy', environment, key],
            text: `is for a canary, and ${environment} has the role staging`,
          })),
  )
  const routes = deploy.flatMap(([environment, target]) => {
    const { router, ...rest } = fields(target)
    if (router !== 'replicas') return []
    return ['route', 'rule']
      .filter((key) => Object.hasOwn(rest, key))
      .map((key) => ({
        path: [...path, 'deploy', environment, key],
        text: 'is given, but router is replicas: there is no route',
      }))
  })
  const image = deploy
    .filter(([, target]) => Object.hasOwn(fields(fields(target).values), 'IMAGE'))
    .map(([environment]) => ({
      path: [...path, 'deploy', environment, 'values', 'IMAGE'],
      text: 'is given by the release itself: the image with its digest',
    }))
  const variables = [
    ...deploy.map(
      ([environment, target]) => [[...path, 'deploy', environment, 'values'], fields(target).values] as const,
    ),
    ...list(one.checks).map((check, index) => [[...path, 'checks', index, 'env'], fields(check).env] as const),
  ].flatMap(([at, map]) => Object.keys(fields(map)).flatMap((key) => badName('variable', key, at)))
  return [
    ...unknown,
    ...variables,
    ...climbing(name, one),
    ...twice,
    ...production,
    ...routes,
    ...image,
    ...sameChecks(one.checks, [...path, 'checks']),
    ...rising(one.plan, [...path, 'plan']),
  ]
}

/** Paths that leave the repository; they start from the service's folder. */
const climbing = (name: string, one: Fields): readonly Found[] => {
  const folder = typeof one.folder === 'string' ? one.folder : '.'
  // A folder that is itself outside is told by the schema, once.
  if (leavesRepository('.', folder)) return []
  const paths = [
    [['smoke'], one.smoke] as const,
    ...list(one.checks).map((check, index) => [['checks', index, 'folder'], fields(check).folder] as const),
    ...Object.entries(fields(one.deploy)).flatMap(([environment, target]) => {
      const { manifests } = fields(target)
      const at = ['deploy', environment, 'manifests']
      return Array.isArray(manifests)
        ? manifests.map((each, index) => [[...at, index], each] as const)
        : [[at, manifests] as const]
    }),
  ]
  return paths.flatMap(([path, value]) =>
    typeof value === 'string' && leavesRepository(folder, value)
      ? [{ path: ['services', name, ...path], text: `must stay inside the repository, not ${JSON.stringify(value)}` }]
      : [],
  )
}

const sameChecks = (checks: unknown, path: readonly PropertyKey[]): readonly Found[] => {
  const names = list(checks).map((check) => fields(check).name)
  return names.flatMap((name, index) =>
    typeof name === 'string' && names.indexOf(name) < index
      ? [{ path: [...path, index, 'name'], text: `is the name of two checks: ${name}` }]
      : [],
  )
}

/** Two services in one Deployment would replace each other with every release. */
const sharedPlaces = (services: readonly (readonly [string, unknown])[]): readonly Found[] => {
  const places = services.flatMap(([service, one]) =>
    Object.entries(fields(fields(one).deploy)).map(([environment, given]) => {
      const { namespace, deployment = service } = fields(given)
      return { service, environment, place: [environment, namespace, deployment].map(String).join('/') }
    }),
  )
  return places.flatMap(({ service, environment, place }, index) => {
    const first = places.slice(0, index).find((other) => other.place === place)
    if (first === undefined) return []
    const text = `is the Deployment that ${first.service} is deployed to as well`
    return [{ path: ['services', service, 'deploy', environment], text }]
  })
}

const rising = (plan: unknown, path: readonly PropertyKey[]): readonly Found[] => {
  const weights = list(fields(plan).steps).map((step) => fields(step).weight)
  const at = weights.findIndex(
    (weight, index) => typeof weight === 'number' && index > 0 && weight <= Number(weights[index - 1]),
  )
  if (at < 0) return []
  return [{ path: [...path, 'steps', at, 'weight'], text: `steps must rise in weight; they are ${weights.join(', ')}` }]
}

const fields = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {}
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])
