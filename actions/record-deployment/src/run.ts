import { type Correction, ended, type Neighbour, type Past, restored, successor } from './neighbours.ts'
import { moves, type State } from './state.ts'

/** What is to be recorded. */
export type Plan = {
  /** The deployment that an earlier step told; absent: it is found by its payload, or made. */
  readonly id?: number
  readonly state: State
  readonly description: string
  readonly logUrl: string
  readonly environmentUrl: string
}

/** Why GitHub could not be told; `code` is stable API. */
export type Refused = { readonly code: string; readonly text: string; readonly next: string }

/** What the action needs of GitHub. All but `refused` may throw. */
export type Ports = {
  findOrCreate(): Promise<{ readonly id: number; readonly found: boolean }>
  /** The statuses of one deployment, newest first. */
  statuses(id: number): Promise<readonly Past[]>
  /** Other releases of the same service to the same environment, newest first. */
  neighbours(id: number): Promise<readonly Neighbour[]>
  add(id: number, status: Past): Promise<void>
  /** What GitHub's refusal says; `undefined` for anything else that was thrown. */
  refused(thrown: unknown): Refused | undefined
  /** ms UTC. */
  now(): number
  say(line: string): void
}

/** How the deployment of this release stands afterwards. */
export type Outcome = 'recorded' | 'unchanged' | 'kept' | 'replaced'

/** What came of it. `id` and `state` are known as far as it got; `corrections` are the deployments of others that were changed. */
export type Recorded = {
  readonly outcome: Outcome | undefined
  readonly refused: Refused | undefined
  readonly id: number | undefined
  readonly found: boolean
  readonly state: string | undefined
  readonly corrections: readonly Correction[]
}

/**
 * The order of events: the deployment is found or made, its state only moves forward, then the releases beside it are put right. Doing it again
 * changes nothing and goes on where it stopped.
 * @throws what `refused` does not know: bugs
 */
export const run = async (plan: Plan, ports: Ports): Promise<Recorded> => {
  let so: Recorded = {
    outcome: undefined,
    refused: undefined,
    id: plan.id,
    found: plan.id !== undefined,
    state: undefined,
    corrections: [],
  }
  try {
    const { id, found } = plan.id === undefined ? await ports.findOrCreate() : { id: plan.id, found: true }
    so = { ...so, id, found }
    ports.say(`Deployment ${id} ${found ? 'is there' : 'was made'}`)
    const before = (await ports.statuses(id))[0]?.state
    so = { ...so, ...(before === undefined ? {} : { state: before }) }
    const neighbours = plan.state === 'success' || plan.state === 'failure' ? await ports.neighbours(id) : []
    const newer = plan.state === 'success' ? successor(id, neighbours) : undefined
    const wanted: Past = newer === undefined ? plan : { ...plan, state: 'inactive', description: late(newer) }
    const state = newer === undefined ? plan.state : 'inactive'
    const goes = moves(before, state)
    if (goes) {
      await ports.add(id, pastOf(wanted))
      ports.say(`Deployment ${id}: ${before ?? 'no state'} → ${state}`)
    } else ports.say(`Deployment ${id} stays ${before}`)
    const stands = goes ? state : before
    so = { ...so, outcome: outcomeOf(goes, { before, state, newer }), state: stands }
    for (const correction of corrections(id, { stands, neighbours, now: ports.now() })) {
      await ports.add(correction.id, correction.status)
      so = { ...so, corrections: [...so.corrections, correction] }
      ports.say(`Deployment ${correction.id}: → ${correction.state}`)
    }
    return so
  } catch (thrown) {
    const refused = ports.refused(thrown)
    if (refused === undefined) throw thrown
    return { ...so, refused }
  }
}

const late = (newer: number): string => `Promoted, but deployment ${newer} has replaced it already`

const pastOf = ({ state, description, logUrl, environmentUrl }: Past): Past => ({
  state,
  description,
  logUrl,
  environmentUrl,
})

const outcomeOf = (
  goes: boolean,
  {
    before,
    state,
    newer,
  }: { readonly before: string | undefined; readonly state: State; readonly newer: number | undefined },
): Outcome => {
  if (newer !== undefined) return 'replaced'
  if (goes) return 'recorded'
  return before === state ? 'unchanged' : 'kept'
}

/** What stands, and not what was asked for, decides: a late report changes nothing of others either. */
const corrections = (
  id: number,
  {
    stands,
    neighbours,
    now,
  }: { readonly stands: string | undefined; readonly neighbours: readonly Neighbour[]; readonly now: number },
): readonly Correction[] => {
  if (stands === 'success') return ended(id, neighbours, now)
  const again = stands === 'failure' ? restored(id, neighbours) : undefined
  return again === undefined ? [] : [again]
}
