import type { Finding } from '@sluice/kit/report'
import type { CheckReport } from './ended.ts'
import { lastOf } from './tail.ts'
import { failing } from './verdict.ts'

/** GitHub keeps 4,096 characters of an annotation. */
const CHARACTERS = 3000

/** One finding for each failing check, with the last lines of its output. */
export const findings = (reports: readonly CheckReport[]): readonly Finding[] =>
  failing(reports).map(({ name, result, text, tail }) => {
    const last = lastOf(tail, CHARACTERS)
    return { id: result, level: 'error', text: `${name}: ${text}${last === '' ? '' : `\n${last}`}` }
  })
