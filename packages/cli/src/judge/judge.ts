import { readFileSync, writeFileSync } from 'node:fs'
import type { CanaryReport } from '@sluice/canary-report/report'
import { Fault } from '@sluice/kit/faults'
import type { JudgeOptions } from '../arguments.ts'
import { type Recorded, readRecorded } from './file.ts'
import { judgeByKayenta } from './kayenta.ts'
import { textOf } from './text.ts'
import { judgeByThreshold } from './threshold.ts'
import { judgeRecorded } from './verdict.ts'

/**
 * `sluice judge`: judges what was recorded again and gives the exit code: 0 where the release would have been promoted, 1 where not. JSON goes to standard
 * output, with the text for a person on standard error where that is a terminal; on a terminal only the text, unless a format is asked for.
 * @throws Fault('input') where the file cannot be read or judged
 */
export const judgeFile = async ({ file, judge, compatible, format, page }: JudgeOptions): Promise<number> => {
  const text = read(file)
  const name = file === '-' ? 'standard input' : file
  const recorded = readRecorded(text, name)
  const answer = JUDGES[judge](recorded, compatible)
  if (page !== undefined) await writePage(page, text, recorded)
  const shown = format ?? (process.stdout.isTTY ? 'text' : 'json')
  process.stdout.write(`${shown === 'text' ? textOf(answer) : JSON.stringify(answer)}\n`)
  if (shown === 'json' && process.stderr.isTTY && !process.stdout.isTTY) process.stderr.write(`${textOf(answer)}\n`)
  return answer.verdict === 'promoted' ? 0 : 1
}

const JUDGES = { sluice: judgeRecorded, kayenta: judgeByKayenta, threshold: judgeByThreshold } as const

const read = (file: string): string => {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8')
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown)
    throw new Fault('input', `${file} cannot be read: ${why}`, 'Give the path of a file, or - for standard input.')
  }
}

const writePage = async (path: string, text: string, { recorded }: Recorded): Promise<void> => {
  if (recorded === undefined)
    throw new Fault('input', '--page draws the report of a canary, and this file is none', 'Leave --page out for it.')
  const { page } = await import('@sluice/canary-report/page')
  // Read as a report before: what the page draws of it has the shapes that were checked.
  writeFileSync(path, page(JSON.parse(text) as CanaryReport))
}
