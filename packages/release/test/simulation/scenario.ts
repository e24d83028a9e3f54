import type { Judgement, ReleaseRecord, World } from '../../src/record.ts'

/** What is wrong with the release. `bad-N`: rejected in step N (from 0); `outage`: both sides fail for a while at the first step; `baseline-never-ready`: the old template does not start a second time; `route-not-taken`: the router never takes a route with a canary in it. */
export type Scenario =
  | 'good'
  | 'bad-0'
  | 'bad-1'
  | 'bad-2'
  | 'bad-3'
  | 'never-ready'
  | 'baseline-never-ready'
  | 'stuck-promotion'
  | 'outage'
  | 'unclear'
  | 'route-not-taken'

/** How a run ends that nothing befalls. */
export const verdictOf = (scenario: Scenario): string => {
  if (scenario === 'good' || scenario === 'outage') return 'promoted'
  if (scenario === 'route-not-taken' || scenario === 'baseline-never-ready') return 'error'
  return scenario === 'unclear' ? 'inconclusive' : 'rolled-back'
}

/** A judge that knows the answer: it needs 1.2 s of a step to see an error, and passes what is good. */
export const judgeOf =
  (scenario: Scenario) =>
  (record: ReleaseRecord, world: World): Judgement => {
    const { state } = record
    if (state.phase !== 'analysing' && state.phase !== 'holding') return { kind: 'continue' }
    const watched = world.at - state.since
    const why = (code: string) => ({ code, text: code, next: '' })
    if (scenario === 'unclear') return { kind: 'inconclusive', why: why('no-evidence') }
    if (scenario === 'outage' && state.step === 0 && watched < 1_500) return { kind: 'hold', why: why('outage') }
    if (scenario === `bad-${state.step}` && watched >= 1_200) return { kind: 'reject', why: why('errors') }
    return watched >= 1_000 ? { kind: 'pass' } : { kind: 'continue' }
  }
