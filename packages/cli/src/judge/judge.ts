import { readFileSync, statSync, writeFileSync } from 'node:fs'
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
  if (page !== undefined) await writePage(page, { file, text, recorded })
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
    throw new Fault(
      'input',
      `${file} cannot be read: ${messageOf(thrown)}`,
      'Give the path of a file, or - for standard input.',
    )
  }
}

type Read = { readonly file: string; readonly text: string; readonly recorded: Recorded }

const writePage = async (path: string, { file, text, recorded }: Read): Promise<void> => {
  if (recorded.recorded === undefined)
    throw new Fault('input', '--page draws the report of a canary, and this file is none', 'Leave --page out for it.')
  if (file !== '-' && isSame(file, path))
    throw new Fault('input', `--page ${path} is the report itself, which the page would replace`, 'Name another file.')
  const drawn = await draw(text, file)
  try {
    writeFileSync(path, drawn)
  } catch (thrown) {
    throw new Fault(
      'input',
      `--page ${path} cannot be written: ${messageOf(thrown)}`,
      'Name a file in a folder of yours.',
    )
  }
}

/** What is judged of a report was checked; the page draws all of it, and takes the rest to be as canary-promote wrote it. */
const draw = async (text: string, file: string): Promise<string> => {
  const { page } = await import('@sluice/canary-report/page')
  try {
    return page(JSON.parse(text.replace(/^\ufeff/, '')) as CanaryReport)
  } catch (thrown) {
    throw new Fault(
      'input',
      `--page: ${file} is not as a canary writes its report, so it cannot be drawn: ${messageOf(thrown)}`,
      'Give the file as canary-promote left it, or leave --page out.',
    )
  }
}

/** One file by two names, as a link gives, is one file. */
const isSame = (one: string, other: string): boolean => {
  const [first, second] = [one, other].map((path) => statSync(path, { throwIfNoEntry: false }))
  return first !== undefined && first.dev === second?.dev && first.ino === second.ino
}

const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown))
