import type { ReleaseRecord, Template } from '@sluice/release/record'
import type { Budget } from './budget.ts'
import type { Labels } from './objects.ts'
import type { Setup } from './setup.ts'
import { BASELINE_TRACK, type ChangedLabel, TRACK } from './template.ts'

/** The roles in the inventory of what one set of pods beside stable is made of. */
export type Roles =
  | { readonly pods: 'canary'; readonly service: 'service'; readonly policy: 'policy' }
  | { readonly pods: 'baseline'; readonly service: 'baseline-service'; readonly policy: 'baseline-policy' }

/** One set of pods beside stable: the canary, or a fresh baseline. `service`: null where no router splits. */
export type Beside = {
  readonly roles: Roles
  readonly deployment: string
  readonly service: string | null
  readonly label: ChangedLabel | undefined
  readonly track: Labels
  readonly budget: Budget | undefined
}

/** The canary of a release. */
export const canaryOf = ({ canary, canaryService, label, budget }: Setup): Beside => ({
  roles: { pods: 'canary', service: 'service', policy: 'policy' },
  deployment: canary,
  service: canaryService,
  label: label ?? undefined,
  track: TRACK,
  budget,
})

/** The fresh baseline of a release; absent where the plan asks for none. */
export const baselineOf = ({ fresh }: Setup): Beside | undefined =>
  fresh && {
    roles: { pods: 'baseline', service: 'baseline-service', policy: 'baseline-policy' },
    deployment: fresh.deployment,
    service: fresh.service,
    label: fresh.label,
    track: BASELINE_TRACK,
    budget: fresh.budget,
  }

/** All that stands beside stable while a release goes on. */
export const besidesOf = (setup: Setup): readonly Beside[] => {
  const baseline = baselineOf(setup)
  return [canaryOf(setup), ...(baseline === undefined ? [] : [baseline])]
}

/** The template that it is to have: the analysed one, or the previous one. */
export const templateOf = (
  { stable, canary }: Pick<ReleaseRecord, 'stable' | 'canary'>,
  { roles }: Pick<Beside, 'roles'>,
): Template => (roles.pods === 'canary' ? canary : stable)

/** What the canary is compared with: a fresh baseline where there is one, else stable itself. */
export const comparedWith = ({
  deployment,
  service,
  fresh,
}: Setup): { readonly deployment: string; readonly service: string | null } => fresh ?? { deployment, service }
