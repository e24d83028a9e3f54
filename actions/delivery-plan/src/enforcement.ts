import type { DeliveryPlan } from '@sluice/delivery/plan'
import type { Finding } from '@sluice/kit/report'
import type { Look, Purpose, Seen } from './look.ts'

/** The environments that this run will use, in the order in which it comes to them. */
export const environmentsOf = ({
  staging,
  production,
}: DeliveryPlan): readonly { readonly name: string; readonly purpose: Purpose }[] => [
  ...(staging === null ? [] : [{ name: staging.environment, purpose: 'staging' as const }]),
  ...(production?.wanted !== true
    ? []
    : [
        ...(production.approval === 'environment'
          ? [{ name: production['approval-environment'], purpose: 'approval' as const }]
          : []),
        { name: production.environment, purpose: 'production' as const },
        { name: production['recovery-environment'], purpose: 'recovery' as const },
      ]),
]

/** Whether an environment makes somebody decide: a wait timer alone asks nobody. */
const asks = (look: Look): boolean => look.kind === 'found' && look.reviewers + look.apps > 0

/**
 * Whether a job of this run certainly cannot use its environment: Sluice's jobs make no Deployment of their own, and GitHub fails such a job at once
 * where another system (a custom deployment protection rule) is to be asked.
 * Source: https://docs.github.com/en/actions/how-tos/deploy/configure-and-manage-deployments/control-deployments#interaction-with-protection-rules
 */
export const isUnusable = (seen: readonly Seen[]): boolean => seen.some(({ look }) => appsIn(look) > 0)

const appsIn = (look: Look): number => (look.kind === 'found' ? look.apps : 0)

/** Whether an approval is asked for that certainly nobody is asked for. */
export const isUnenforced = (seen: readonly Seen[]): boolean =>
  seen.some(({ purpose, look }) => purpose === 'approval' && look.kind !== 'unknown' && !asks(look))

/**
 * What the environments do not enforce. Only what was seen is held against them.
 * @param level of an approval that nobody is asked for, and of an environment that no job of this run can use
 * @param settings the address of the repository's environments, for people
 */
export const enforcementFindings = (
  seen: readonly Seen[],
  level: 'error' | 'warning',
  settings: string,
): readonly Finding[] => [
  ...seen.flatMap(({ name, purpose, look }): readonly Finding[] => {
    const told = look.kind === 'unknown' ? undefined : sentence(name, purpose, look)
    if (told === undefined) return []
    const { id, text } = told
    const hint = `${HINTS[id]} Environments: ${settings}`
    return [{ id, level: STOPPING.some((each) => each === id) ? level : 'warning', text, hint, where: name }]
  }),
  ...unknowns(seen),
]

/** One note for each reason: without a token it is the same for all. */
const unknowns = (seen: readonly Seen[]): readonly Finding[] => {
  const whys = new Map<string, readonly string[]>()
  for (const { name, look } of seen)
    if (look.kind === 'unknown') whys.set(look.why, [...(whys.get(look.why) ?? []), name])
  return [...whys].map(([why, names]) => ({
    id: 'environment-unknown',
    level: 'note',
    text: `what ${names.join(', ')} enforce${names.length === 1 ? 's' : ''} is not known: ${why}`,
  }))
}

/** The findings for which a plan may fail. */
export const STOPPING = ['custom-rule', 'approval-not-enforced'] as const

type Id = (typeof STOPPING)[number] | 'environment-absent' | 'any-branch' | 'recovery-waits' | 'asked-twice'

const HINTS: Readonly<Record<Id, string>> = {
  'custom-rule':
    'Take the custom protection rule out of the environment; what it decides can be a check, or required reviewers.',
  'approval-not-enforced':
    'Give the environment required reviewers. Private repositories have them on GitHub Enterprise only; elsewhere use approval: dispatch, a run that somebody starts by hand.',
  'environment-absent': 'Make it, with a rule for the branches that may deploy.',
  'any-branch': 'Restrict it to protected branches, or to your release branches by name.',
  'recovery-waits': 'Take its reviewers and wait timer away: recovery only ever goes back to what ran before.',
  'asked-twice':
    'Keep the reviewers in the approval environment only, so that a canary never waits inside its concurrency group.',
}

const sentence = (
  name: string,
  purpose: Purpose,
  look: Exclude<Look, { kind: 'unknown' }>,
): { readonly id: Id; readonly text: string } | undefined => {
  const apps = appsIn(look)
  if (apps > 0)
    return {
      id: 'custom-rule',
      text: `the ${purpose} environment ${name} asks ${apps === 1 ? 'another system' : `${apps} other systems`} (custom protection rules): GitHub fails each job at once that names it and makes no Deployment`,
    }
  if (purpose === 'approval') {
    if (asks(look)) return undefined
    const why =
      look.kind === 'absent'
        ? 'there is no such environment, and GitHub makes a missing one without rules when a job names it'
        : look.waitMinutes > 0
          ? `it has a wait timer of ${look.waitMinutes} min and no required reviewers`
          : 'it has no required reviewers'
    return { id: 'approval-not-enforced', text: `the approval environment ${name} asks nobody: ${why}` }
  }
  if (look.kind === 'absent')
    return {
      id: 'environment-absent',
      text: `the ${purpose} environment ${name} is missing; GitHub makes it without rules when a job names it, so any branch may deploy there`,
    }
  if (purpose === 'recovery' && (asks(look) || look.waitMinutes > 0))
    return {
      id: 'recovery-waits',
      text: `the recovery environment ${name} makes a repair wait (${waits(look)}): a canary that lost its run keeps its traffic until then`,
    }
  if (purpose === 'production' && asks(look))
    return { id: 'asked-twice', text: `the environment ${name} asks for approval itself (${waits(look)})` }
  if (purpose !== 'staging' && look.branches === 'any')
    return { id: 'any-branch', text: `the environment ${name} lets any branch deploy` }
  return undefined
}

const waits = ({ reviewers, waitMinutes }: Extract<Look, { kind: 'found' }>): string =>
  [
    ...(reviewers > 0 ? [`${reviewers} reviewer${reviewers === 1 ? '' : 's'}`] : []),
    ...(waitMinutes > 0 ? [`${waitMinutes} min wait timer`] : []),
  ].join(', ')
