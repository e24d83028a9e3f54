import type { RouterName } from '@sluice/traffic/router'
import type { WholePlan } from './inputs.ts'

/** What the inputs ask of a router, beside the plan. */
export type RouterAsked = { readonly router: RouterName; readonly rule?: number | null | undefined }

type Session = 'header' | 'cookie'
type Ability = {
  /** It can give a fresh baseline a share beside the canary's, in the same write. */
  readonly fresh: boolean
  /** It can copy requests to the canary. */
  readonly mirror: boolean
  /** By what it can know a tester's requests. */
  readonly testers: readonly Session[]
  /** The objects that it splits have rules with an index, of which one may be chosen. */
  readonly rule: boolean
}

/** What each router can. Weights all of them can. Sources: the reference of each, named at the router. */
export const ABILITIES: Readonly<Record<RouterName, Ability>> = {
  'gateway-api': { fresh: true, mirror: true, testers: ['header'], rule: true },
  istio: { fresh: false, mirror: true, testers: ['header', 'cookie'], rule: true },
  nginx: { fresh: false, mirror: false, testers: ['header', 'cookie'], rule: true },
  traefik: { fresh: false, mirror: false, testers: ['header', 'cookie'], rule: false },
  alb: { fresh: false, mirror: false, testers: [], rule: false },
  'argo-rollouts': { fresh: false, mirror: false, testers: [], rule: false },
  replicas: { fresh: false, mirror: false, testers: [], rule: false },
}

/** What a plan asks that its router cannot, each with the routers that can. */
export const abilityProblems = (
  { steps, tester, baseline }: Pick<WholePlan, 'steps' | 'tester'> & Partial<Pick<WholePlan, 'baseline'>>,
  { router, rule }: RouterAsked,
): readonly string[] => {
  const able = ABILITIES[router]
  const session: Session | undefined = tester === undefined ? undefined : 'header' in tester ? 'header' : 'cookie'
  return [
    ...(baseline === 'fresh' && !able.fresh
      ? [
          `plan: baseline fresh needs a third share in the one write of the route, which router ${router} cannot give; use router ${withAbility(({ fresh }) => fresh)}, or write baseline: stable`,
        ]
      : []),
    ...(steps.some((step) => 'mirror' in step) && !able.mirror
      ? [
          `plan: steps mirror requests, which router ${router} cannot; use router ${withAbility(({ mirror }) => mirror)}, or leave these steps out`,
        ]
      : []),
    ...(session !== undefined && !able.testers.includes(session)
      ? [
          `plan: tester is known by a ${session}, which router ${router} cannot match; ${able.testers.length > 0 ? `give it a ${able.testers.join(' or a ')}, or ` : ''}use router ${withAbility(({ testers }) => testers.includes(session))}, or leave tester out`,
        ]
      : []),
    ...(router === 'nginx' && tester !== undefined && 'cookie' in tester && tester.value !== 'always'
      ? [
          `plan: tester: ingress-nginx knows a cookie by the value always alone, not ${tester.value}; write { cookie: ${tester.cookie}, value: always }, or give the tester a header`,
        ]
      : []),
    ...(rule !== undefined && rule !== null && !able.rule
      ? [`rule: what router ${router} splits has no rules by index; leave it empty`]
      : []),
  ]
}

const withAbility = (has: (ability: Ability) => boolean): string =>
  Object.entries(ABILITIES)
    .flatMap(([name, ability]) => (has(ability) ? [name] : []))
    .join(' or ')
