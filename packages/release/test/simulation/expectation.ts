import type { ReleaseRecord } from '../../src/record.ts'
import { type Scenario, verdictOf } from './scenario.ts'

/** What a reaped release must end as, from the record that the dead run left: back, unless promotion had begun or the way was chosen. */
export const reapedVerdict = (left: ReleaseRecord | undefined, scenario: Scenario): string => {
  if (!left) return 'nothing'
  const { state } = left
  switch (state.phase) {
    case 'preparing':
    case 'raising':
    case 'analysing':
    case 'holding':
      return 'rolled-back'
    case 'promoting':
      return verdictOf(scenario)
    default:
      return state.verdict
  }
}
