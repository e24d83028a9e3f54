import { inline, table, unmarked } from '@sluice/kit/markdown'
import { JOBS, type Needs } from './needs.ts'
import type { Decided } from './reason.ts'

/** The outcome as one sentence. */
export const sentence = ({ verdict, reason }: Decided): string => `${HEAD[verdict]}: ${reason.text}`

/** The job summary: the sentence, what to do, then what each job said. */
export const summarize = (decided: Decided, next: string, needs: Needs): string => {
  const { verdict, reason } = decided
  const rows = JOBS.map((name) => {
    const { result, said } = needs[name]
    const words = [said('verdict'), said('reason-code')].filter(
      (word, at, all) => word !== '' && all.indexOf(word) === at,
    )
    const detail = [...words, ...(said('failed') === '' ? [] : [said('failed')]), said('reason')].filter(
      (word) => word !== '',
    )
    return [name, `${SIGN[result]} ${result}`, unmarked(detail.join('; ')) || '–']
  })
  const parts = [
    `### ${verdict === 'pass' ? '✅' : verdict === 'fail' ? '❌' : '⚪'} ${HEAD[verdict]} (${reason.code})`,
    `**${inline(sentence(decided))}.** ${next}`,
    table(['Job', 'Ended', 'What it said'], rows),
  ]
  return `${parts.join('\n\n')}\n`
}

const HEAD: Readonly<Record<Decided['verdict'], string>> = {
  pass: 'Delivered',
  fail: 'Not delivered',
  'nothing-to-check': 'Not meant for production',
}
const SIGN = { success: '✅', failure: '❌', cancelled: '🚫', skipped: '⚪' } as const
