import type { Finding } from '@sluice/kit/report'
import { longestRun } from '@sluice/release/start'
import type { WholePlan } from './inputs.ts'
import { stepsOf } from './plan.ts'

/**
 * A credential that nothing renews and that ends before the release can have: after it nobody could take the canary's traffic back. The time that a release
 * may take is every step made ready, held and held back as long as the plan allows, then the promotion or the way back.
 * @param end when it ends, ms UTC; `undefined`: it is renewed, or does not say
 * @param at now, ms UTC
 */
export const credentialFindings = (end: number | undefined, plan: WholePlan, at: number): readonly Finding[] => {
  if (end === undefined) return []
  const longest = longestRun({
    steps: stepsOf(plan),
    readyWithin: plan['ready-within'],
    maxHold: plan['max-hold'],
    drain: plan.drain,
  })
  const needed = at + longest
  if (end >= needed) return []
  const ends = `ended at ${time(end)}`
  return [
    {
      id: end <= at ? 'credential-ended' : 'credential-ends',
      level: 'error',
      text:
        end <= at
          ? `the kubeconfig's token ${ends}`
          : `the kubeconfig's token ends at ${time(end)}, and nothing renews it; this release may take until ${time(needed)} (holds, max-hold, ready-within, drain and the way back)`,
      hint:
        end <= at
          ? `Get a new one. ${RENEWED}`
          : `${RENEWED}; or get a token that lives longer, or shorten the plan's hold, max-hold or ready-within.`,
      measured: Math.round((end - at) / 1000),
      limit: Math.round(longest / 1000),
      unit: 's',
    },
  ]
}

const RENEWED =
  'Best is a kubeconfig that logs in by an exec plugin (aws eks get-token, gke-gcloud-auth-plugin, kubelogin), which is asked for a new one whenever it is needed'

const time = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z')
