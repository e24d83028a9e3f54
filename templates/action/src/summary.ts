import { cell } from '@sluice/kit/markdown'
import { reason, type Verdict } from './verdict.ts'

/** The job summary: verdict first, then the numbers. */
export const summarize = (verdict: Verdict, path: string, maxBytes: number): string => {
  const { text, next } = reason(verdict, path, maxBytes)
  const bytes = verdict.kind === 'nothing-to-check' ? 'none' : `${verdict.bytes}`
  return [
    `### __NAME__: ${verdict.kind}`,
    '',
    `${text}. ${verdict.kind === 'pass' ? '' : `${next}.`}`.trim(),
    '',
    '| File | Bytes | Limit |',
    '| --- | --- | --- |',
    `| ${cell(path)} | ${bytes} | ${maxBytes} |`,
    '',
  ].join('\n')
}
