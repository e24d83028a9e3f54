import { type Fields, type Found, fields, list } from './found.ts'

/** What splits the traffic of a canary, by the names that canary-promote gives it. */
export const ROUTERS = ['gateway-api', 'istio', 'nginx', 'traefik', 'alb', 'argo-rollouts', 'replicas'] as const
/** One of `ROUTERS`. */
export type Router = (typeof ROUTERS)[number]

type Session = 'header' | 'cookie'
type Ability = {
  /** It can copy requests to the canary. */
  readonly mirror: boolean
  /** By what it can know a tester's requests. */
  readonly testers: readonly Session[]
  /** It splits an object that leads to the Service. */
  readonly route: boolean
  /** That object has rules with an index, of which one may be chosen. */
  readonly rule: boolean
}

/** What each router can. canary-promote has the same table; a test holds both to the same answers. */
const ABILITIES: Readonly<Record<Router, Ability>> = {
  'gateway-api': { mirror: true, testers: ['header'], route: true, rule: true },
  istio: { mirror: true, testers: ['header', 'cookie'], route: true, rule: true },
  nginx: { mirror: false, testers: ['header', 'cookie'], route: true, rule: true },
  traefik: { mirror: false, testers: ['header', 'cookie'], route: true, rule: false },
  alb: { mirror: false, testers: [], route: true, rule: false },
  'argo-rollouts': { mirror: false, testers: [], route: false, rule: false },
  replicas: { mirror: false, testers: [], route: false, rule: false },
}

/** One environment that a service is released to by a canary. */
export type Released = {
  readonly service: string
  readonly environment: string
  readonly target: Fields
  /** The plan that counts there, with the path of the map that each of its keys stands in. */
  readonly plan: { readonly [key: string]: { readonly value: unknown; readonly in: readonly PropertyKey[] } }
}

/** What a service's place and its plan ask of a router that it cannot do or has no use for. */
export const routerProblems = (released: Released): readonly Found[] => {
  const router = routerOf(released.target)
  return router === undefined ? [] : [...placeProblems(released, router), ...planProblems(released, router)]
}

/** Another word than those is the schema's to refuse. */
const routerOf = ({ router = 'gateway-api' }: Fields): Router | undefined => ROUTERS.find((name) => name === router)

const placeProblems = ({ service, environment, target }: Released, router: Router): readonly Found[] => {
  const able = ABILITIES[router]
  const at = (key: string) => ['services', service, 'deploy', environment, key]
  const given = (key: string): boolean => Object.hasOwn(target, key)
  return [
    ...['route', 'rule']
      .filter((key) => given(key) && !able.route)
      .map((key) => ({ path: at(key), text: `is given, but router is ${router}: there is no route` })),
    ...(given('rule') && able.route && !able.rule
      ? [{ path: at('rule'), text: `is given, but what router ${router} splits has no rules by index` }]
      : []),
    // A first release makes Deployments and waits for them: it would hand a Rollout that is there a new image that nobody judges.
    ...(given('manifests') && router === 'argo-rollouts'
      ? [
          {
            path: at('manifests'),
            text: `are for a first release of a Deployment, and router argo-rollouts releases a Rollout that is there already: apply it yourself once, and leave them out`,
          },
        ]
      : []),
  ]
}

const planProblems = ({ service, environment, plan }: Released, router: Router): readonly Found[] => {
  const able = ABILITIES[router]
  const who = `router ${router} of ${service} in ${environment}`
  const { steps, tester } = plan
  const copies = list(steps?.value).findIndex((step) => Object.hasOwn(fields(step), 'mirror'))
  const known = fields(tester?.value)
  const session = (['header', 'cookie'] as const).find((each) => Object.hasOwn(known, each))
  const at = tester === undefined ? [] : [...tester.in, 'tester']
  return [
    ...(steps !== undefined && copies >= 0 && !able.mirror
      ? [
          {
            path: [...steps.in, 'steps', copies, 'mirror'],
            text: `copies requests, which ${who} cannot; ${withAbility(({ mirror }) => mirror)} can`,
          },
        ]
      : []),
    ...(session !== undefined && !able.testers.includes(session)
      ? [
          {
            path: [...at, session],
            text: `is what a tester is known by, which ${who} cannot match; ${withAbility(({ testers }) => testers.includes(session))} can${able.testers.length > 0 ? `, and it can match a ${able.testers.join(' or a ')}` : ''}`,
          },
        ]
      : []),
    ...(router === 'nginx' && session === 'cookie' && known.value !== 'always'
      ? [
          {
            path: [...at, 'value'],
            text: `must be always for a cookie: ingress-nginx, the ${who}, knows it by no other`,
          },
        ]
      : []),
  ]
}

const withAbility = (has: (ability: Ability) => boolean): string =>
  ROUTERS.filter((name) => has(ABILITIES[name])).join(', ')
