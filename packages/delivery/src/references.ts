import { unknownName } from '@sluice/kit/nearest'
import * as z from 'zod/mini'
import { environmentProblems } from './environments.ts'
import { type Fields, type Found, fields, list } from './found.ts'
import { imageProblems } from './images.ts'
import { routerProblems } from './routers.ts'
import { sourceProblems } from './sources.ts'
import { planFindings } from './steps.ts'
import { leavesRepository, nameProblem } from './text.ts'

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
    ...environmentProblems(environments),
    ...services.flatMap(([name, one]) => ofService(name, fields(one), file)),
    ...sharedPlaces(services),
    ...planFindings(file.plan, ['plan']),
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

const ofService = (name: string, one: Fields, file: Fields): readonly Found[] => {
  const environments = fields(file.environments)
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
  const empty = deploy.flatMap(([environment, target]) =>
    roleOf(environment) !== 'staging' || Object.hasOwn(fields(target), 'manifests')
      ? []
      : [
          {
            path: [...path, 'deploy', environment],
            text: 'has no manifests: only production, where a Deployment already serves, may do without',
          },
        ],
  )
  const own = { ...placed(file.plan, ['plan']), ...placed(one.plan, [...path, 'plan']) }
  const released = deploy.flatMap(([environment, target]) => {
    if (roleOf(environment) === 'staging') return []
    const place = { service: name, environment, target: fields(target), plan: own }
    return [...routerProblems(place), ...sourceProblems(place)]
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
    ...imageProblems(name, one),
    ...twice,
    ...production,
    ...empty,
    ...released,
    ...image,
    ...sameChecks(one.checks, [...path, 'checks']),
    ...planFindings(one.plan, [...path, 'plan'], file.plan),
  ]
}

/** Each key of a plan with the path of the map that it stands in. */
const placed = (plan: unknown, path: readonly PropertyKey[]) =>
  Object.fromEntries(Object.entries(fields(plan)).map(([key, value]) => [key, { value, in: path }]))

type Placed = readonly [path: readonly PropertyKey[], value: unknown]

/** Paths that leave the repository; they start from the service's folder. */
const climbing = (name: string, one: Fields): readonly Found[] => {
  const folder = typeof one.folder === 'string' ? one.folder : '.'
  // A folder that is itself outside is told by the schema, once.
  if (leavesRepository('.', folder)) return []
  const { package: packaging, scan } = one
  const repository = fields(fields(packaging)['ensure-repository'])
  const paths: readonly Placed[] = [
    [['smoke'], one.smoke],
    ...['context', 'dockerfile'].map((key): Placed => [['package', key], fields(packaging)[key]]),
    [['package', 'ensure-repository', 'lifecycle'], repository.lifecycle],
    ...['report', 'ignore-file', 'kev'].map((key): Placed => [['scan', key], fields(scan)[key]]),
    ...list(fields(scan).vex).map((each, index): Placed => [['scan', 'vex', index], each]),
    ...list(one.checks).map((check, index): Placed => [['checks', index, 'folder'], fields(check).folder]),
    ...Object.entries(fields(one.deploy)).flatMap(([environment, target]): readonly Placed[] => {
      const { manifests } = fields(target)
      const at = ['deploy', environment, 'manifests']
      return Array.isArray(manifests) ? manifests.map((each, index) => [[...at, index], each]) : [[at, manifests]]
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
