import { shown } from '@sluice/delivery/canary'
import type { DeliveryPlan } from '@sluice/delivery/plan'
import { jobLimit } from '@sluice/delivery/runner'
import { inline, table, unmarked } from '@sluice/kit/markdown'
import type { Finding } from '@sluice/kit/report'
import { diagram } from './diagram.ts'
import type { Look, Seen } from './look.ts'
import { atMost, type Comes, stagesOf } from './stages.ts'

/** What the summary is made of. `digest` empty for none. */
export type Told = {
  readonly verdict: string
  readonly reason: { readonly text: string; readonly next: string }
  readonly plan: DeliveryPlan
  readonly comes: Comes
  readonly digest: string
  readonly event: string
  readonly seen: readonly Seen[]
  readonly findings: readonly Finding[]
}

/** The job summary of a plan: verdict, what this run does as a picture and as a table, what it costs, and what the environments enforce. */
export const summarize = ({ verdict, reason, plan, comes, digest, event, seen, findings }: Told): string => {
  const stages = stagesOf(plan, comes)
  return [
    `### Delivery plan of ${inline(plan.service)}: ${verdict}`,
    '',
    `${inline(reason.text)}. ${verdict === 'pass' ? '' : inline(reason.next)}`.trim(),
    '',
    `Event ${inline(event)}, image ${inline(plan.repository)}${digest === '' ? '' : `@${digest}`}.`,
    '',
    diagram(plan.service, stages),
    '',
    table(
      ['Stage', 'This run', 'Environment', 'Runner', 'At most'],
      stages.map(({ name, on, does, environment, runner, atMost: minutes }) => [
        name,
        unmarked(on ? does : `nothing to check: ${does}`),
        unmarked(environment),
        unmarked(runner),
        on ? atMost(minutes) : '',
      ]),
    ),
    '',
    minutesOf(plan, comes),
    '',
    ...(seen.length === 0
      ? []
      : [
          table(
            ['Environment', 'For', 'Reviewers', 'Wait timer', 'Branches'],
            seen.map(({ name, purpose, look }) => [unmarked(name), purpose, ...cells(look)]),
          ),
          '',
        ]),
    ...worstFirst(findings).map(({ level, text, hint }) =>
      `- **${level}**: ${inline(text)}. ${inline(hint ?? '')}`.trimEnd(),
    ),
    '',
  ].join('\n')
}

const worstFirst = (findings: readonly Finding[]): readonly Finding[] =>
  (['error', 'warning', 'note'] as const).flatMap((level) => findings.filter((finding) => finding.level === level))

const minutesOf = ({ production }: DeliveryPlan, comes: Comes): string => {
  if (production?.wanted !== true || comes === 'nowhere')
    return 'Planned runner minutes of the canary: none, this run does not release to production.'
  const { kind, why } = jobLimit(production['runs-on'])
  const longest = shown(production['timeout-minutes'] * 60_000)
  const bill =
    kind === 'hosted'
      ? "GitHub's own runner counts every one of them, the holds included"
      : kind === 'self-hosted'
        ? 'the runner is self-hosted, so GitHub counts none'
        : 'whether they are counted depends on whose runner these labels name'
  return `Planned runner minutes of the canary: **${production['runner-minutes']}** when nothing holds it, at most ${longest}; ${bill}. ${inline(capital(why))}.`
}

const cells = (look: Look): readonly string[] => {
  switch (look.kind) {
    case 'absent':
      return ['none: it does not exist', '', 'any']
    case 'unknown':
      return ['unknown', 'unknown', 'unknown']
    case 'found': {
      const apps = look.apps > 0 ? ` and ${look.apps} other system${look.apps === 1 ? '' : 's'}` : ''
      return [
        `${look.reviewers}${apps}`,
        look.waitMinutes === 0 ? 'none' : `${look.waitMinutes} min`,
        BRANCHES[look.branches],
      ]
    }
  }
}

const BRANCHES = { any: 'any', protected: 'protected ones', custom: 'by name' } as const
const capital = (text: string): string => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`
