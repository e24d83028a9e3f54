import type { Ask, Fact, Look } from './look.ts'

type Run = {
  readonly id: number
  readonly head_sha: string
  readonly status: string
  readonly conclusion: string | null
  readonly created_at: string
  readonly html_url: string
}
type Seen = Omit<Look, 'fact'>

const yes = (text: string): Seen => ({ kind: 'yes', text })
const no = (text: string): Seen => ({ kind: 'no', text })
const unknown = (text: string): Seen => ({ kind: 'unknown', text })

/** The runs of a workflow, the newest first. */
const runsOf = async (ask: Ask, workflow: string, query = ''): Promise<readonly Run[]> => {
  const answer = (await ask(`actions/workflows/${workflow}.yml/runs?per_page=30${query}`)) as
    | { readonly workflow_runs?: readonly Run[] }
    | undefined
  if (answer === undefined) throw new Error(`${workflow}.yml is not in the repository`)
  return answer.workflow_runs ?? []
}

const lastEnded = async (ask: Ask, workflow: string): Promise<Run> => {
  const run = (await runsOf(ask, workflow)).find(({ status }) => status === 'completed')
  if (run === undefined) throw new Error(`${workflow}.yml has not ended a run yet: start it`)
  return run
}

const lastEndedJobs = async (ask: Ask, workflow: string): Promise<readonly Job[]> => {
  const { id } = await lastEnded(ask, workflow)
  const answer = (await ask(`actions/runs/${id}/jobs?per_page=100`)) as { readonly jobs?: readonly Job[] } | undefined
  return answer?.jobs ?? []
}
type Job = { readonly name: string; readonly conclusion: string | null }

const environment = (name: string, reviewers: boolean): Fact => ({
  fact: `environment ${name} ${reviewers ? 'asks a person' : 'asks nobody'}`,
  look: async (ask) => {
    const found = (await ask(`environments/${name}`)) as
      | { readonly protection_rules?: readonly { readonly type: string }[] }
      | undefined
    if (found === undefined) return unknown('it is not there: make it')
    const asks = (found.protection_rules ?? []).some(({ type }) => type === 'required_reviewers')
    return asks === reviewers ? yes('so it is set') : no(`it has ${asks ? 'a' : 'no'} required reviewer`)
  },
})

/** What Sluice relies on and GitHub's REST API can show, by the runs of the caller's workflows. */
export const FACTS: readonly Fact[] = [
  environment('production-approval', true),
  environment('production', false),
  environment('production-recovery', false),
  {
    fact: '`$/` in a called workflow is the repository of that workflow',
    look: async (ask) => {
      const run = await lastEnded(ask, 'checks')
      return run.conclusion === 'success'
        ? yes(run.html_url)
        : no(`checks.yml ended as ${run.conclusion}: ${run.html_url}`)
    },
  },
  {
    fact: 'what the jobs of facts.yml are named for',
    look: async (ask) => {
      const bad = (await lastEndedJobs(ask, 'facts')).filter(
        ({ name, conclusion }) => conclusion !== (name === 'skipped' ? 'skipped' : 'success'),
      )
      return bad.length === 0
        ? yes('every job is green')
        : no(bad.map(({ name, conclusion }) => `${name}: ${conclusion}`).join('; '))
    },
  },
  {
    fact: 'a job with deployment: false makes no Deployment',
    look: async (ask) => {
      const { head_sha } = await lastEnded(ask, 'facts')
      const made = (await ask(`deployments?environment=facts&sha=${head_sha}`)) as readonly unknown[] | undefined
      return (made ?? []).length === 0 ? yes(`none for ${head_sha}`) : no(`${made?.length} for ${head_sha}`)
    },
  },
  {
    fact: 'a reviewer was asked, and answered',
    look: async (ask) => {
      const { id, html_url } = await lastEnded(ask, 'deliver')
      const given = (await ask(`actions/runs/${id}/approvals`)) as readonly { readonly state: string }[] | undefined
      if (given === undefined || given.length === 0) return no(`nobody answered in ${html_url}`)
      return yes(`${given.map(({ state }) => state).join(', ')} in ${html_url}`)
    },
  },
  {
    fact: "the release's own Deployment names its digest and has ended",
    look: async (ask) => {
      const made = (await ask('deployments?environment=production&per_page=1')) as
        | readonly { readonly id: number; readonly payload: unknown }[]
        | undefined
      const newest = made?.[0]
      if (newest === undefined) return unknown('there is none: run Deliver')
      const said = (await ask(`deployments/${newest.id}/statuses?per_page=1`)) as
        | readonly { readonly state: string }[]
        | undefined
      const state = said?.[0]?.state ?? 'none'
      const named = /sha256:[0-9a-f]{64}/.test(JSON.stringify(newest.payload))
      return named && !['none', 'in_progress', 'queued', 'pending'].includes(state)
        ? yes(state)
        : no(`state ${state}, ${named ? 'with' : 'without'} a digest in its payload`)
    },
  },
  ...(['workflow_run', 'schedule'] as const).map(
    (event): Fact => ({
      fact: `reap.yml is started by ${event}`,
      look: async (ask) => {
        const runs = await runsOf(ask, 'reap', `&event=${event}`)
        const [last] = runs
        return last === undefined
          ? unknown('not yet')
          : yes(`${runs.length} of the last runs, the last at ${last.created_at}`)
      },
    }),
  ),
]
