import { isDeepStrictEqual } from 'node:util'
import type { Finding } from '@sluice/kit/report'
import type { HttpRoute, Rule } from './route.ts'
import type { Tester } from './router.ts'
import { type BackendRef, names, type Sides } from './weights.ts'

type HeaderMatch = { readonly type?: string; readonly name: string; readonly value: string }
type Match = { readonly headers?: readonly HeaderMatch[]; readonly [field: string]: unknown }
/** A tester's session as an HTTPRoute can tell it: by a header. */
export type HeaderTester = Extract<Tester, { readonly header: string }>

/** The most rules of an HTTPRoute, and the most headers of a match, that its CRD takes. */
const MOST = 16

/**
 * The rule that sends a tester's session to the canary alone: a copy of a split rule whose matches ask for the header too. A gateway takes the match
 * with more headers among equal paths and methods wherever it stands, so the copy goes to the end: no rule of the user's changes its index, and one that
 * ties with it keeps its requests. The copy has no `name`, which must be one rule's alone, and no match that uses the header for something else;
 * `undefined` when that leaves none.
 * @param refs the split rule's backends as they were before the release
 * Source: precedence of HTTPRouteRule.matches, Gateway API v1 reference.
 */
export const sessionRule = (
  { name: _, ...rule }: Rule,
  refs: readonly BackendRef[],
  sides: Sides,
  { header, value }: HeaderTester,
): Rule | undefined => {
  const matches = matchesOf(rule)
    .filter((match) => !isTaken(match, header) && !isFull(match))
    .map((match) => ({ ...match, headers: [...(match.headers ?? []), { type: 'Exact', name: header, value }] }))
  if (matches.length === 0) return undefined
  const stable = refs.filter((ref) => names(ref, sides.stable, sides))
  return { ...rule, matches, backendRefs: stable.map((ref) => ({ ...ref, name: sides.canary })) }
}

/** The user's rules with the testers' after them; without, when an HTTPRoute does not take so many: a tester is no reason to refuse a weight. */
export const withSessions = (rules: readonly Rule[], sessions: readonly Rule[]): readonly Rule[] =>
  rules.length + sessions.length > MOST ? rules : [...rules, ...sessions]

/**
 * Whether a rule is a tester's of ours: all its backends are the canary's Service, and all its matches ask for the tester's header. The Service is ours
 * and preflight refuses a route that names it already, so no rule of the user's can look like this without having been copied from ours.
 */
export const isSessionRule = (rule: Rule, sides: Sides): boolean => {
  const { tester } = sides
  if (tester === undefined || !('header' in tester)) return false
  const { backendRefs = [] } = rule
  const asks = ({ headers = [] }: Match): boolean => headers.some((each) => is(each, tester))
  return (
    backendRefs.length > 0 && backendRefs.every((ref) => names(ref, sides.canary, sides)) && matchesOf(rule).every(asks)
  )
}

/** Whether two lists of testers' rules ask for the same, defaults that the API server filled in aside. */
export const sameSessions = (a: readonly Rule[], b: readonly Rule[]): boolean =>
  isDeepStrictEqual(a.map(filled), b.map(filled))

/** Why a tester's session cannot be told apart in these rules, and what to do. */
export const sessionFindings = (
  route: HttpRoute,
  rules: readonly number[],
  tester: Tester | undefined,
): readonly Finding[] => {
  if (tester === undefined) return []
  const where = `HTTPRoute ${route.metadata.namespace}/${route.metadata.name}`
  if (!('header' in tester)) {
    return [
      error(
        'tester-cookie',
        `${where}: a tester's cookie cannot be matched: HTTPRoute has no cookie match, and regular expressions on headers are each gateway's own`,
        'Give the tester a header, tester: { header: NAME, value: TEXT }, or use a router that reads cookies (istio, nginx, traefik)',
      ),
    ]
  }
  const all = route.spec?.rules ?? []
  const room = all.length + rules.length > MOST
  return [
    ...(room
      ? [
          error(
            'tester-rules',
            `${where} has ${all.length} rules and a tester's session needs ${rules.length} more; an HTTPRoute takes ${MOST}`,
            'Split the route in two, choose one rule with rule:, or leave tester: away',
          ),
        ]
      : []),
    ...rules.flatMap((index) => {
      const matches = matchesOf(all[index] ?? {})
      const taken = matches.some((match) => isTaken(match, tester.header))
      if (!taken && !matches.some(isFull)) return []
      const why = taken ? `matches header ${tester.header} already` : `matches ${MOST} headers already`
      return [error('tester-header', `${where}: rule ${index} ${why}`, 'Choose another header for the tester')]
    }),
  ]
}

const matchesOf = ({ matches }: Rule): readonly Match[] =>
  Array.isArray(matches) && matches.length > 0 ? (matches as readonly Match[]) : [EVERYTHING]
const EVERYTHING: Match = { path: { type: 'PathPrefix', value: '/' } }

const isTaken = ({ headers = [] }: Match, header: string): boolean =>
  headers.some(({ name }) => name.toLowerCase() === header.toLowerCase())
const isFull = ({ headers = [] }: Match): boolean => headers.length >= MOST

const is = ({ type = 'Exact', name, value }: HeaderMatch, tester: HeaderTester): boolean =>
  type === 'Exact' && name.toLowerCase() === tester.header.toLowerCase() && value === tester.value

const filled = ({ matches, backendRefs = [], ...rule }: Rule): unknown => ({
  ...rule,
  matches: matchesOf({ matches }).map((match) => ({ ...EVERYTHING, ...match })),
  backendRefs: backendRefs.map((ref) => ({ group: '', kind: 'Service', weight: 1, ...ref })),
})

const error = (id: string, text: string, hint: string): Finding => ({ id, level: 'error', text, hint })
