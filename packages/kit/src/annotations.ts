import type { Finding } from './report.ts'

/** One annotation as the runner takes it. */
export type Annotation = {
  readonly level: Finding['level']
  readonly title: string
  readonly text: string
  readonly file?: string
  readonly line?: number
}

const PER_LEVEL = 9
const LONGEST = 4000

/**
 * What GitHub will show of the findings: it keeps ten annotations of each level per step and 4,096 characters of each, so the first nine of a
 * level are given, worst level first, and the tenth says how many more there are. Findings come worst first within their level.
 * @param errors how many errors the step says beside them, such as the sentence that it fails with: they take the places of findings
 */
export const annotations = (findings: readonly Finding[], errors = 0): readonly Annotation[] =>
  (['error', 'warning', 'note'] as const).flatMap((level) => {
    const all = findings.filter((finding) => finding.level === level)
    const shown = all.slice(0, PER_LEVEL - (level === 'error' ? errors : 0)).map(annotate)
    const more = all.length - shown.length
    if (more <= 0) return shown
    return [
      ...shown,
      { level, title: `${more} more`, text: `${more} more of level ${level}: see the summary or the report file` },
    ]
  })

const annotate = (finding: Finding): Annotation => {
  const text = finding.hint === undefined ? finding.text : `${finding.text}. ${finding.hint}`
  const place = /^(.+?):(\d+)(?::\d+)?$/.exec(finding.where ?? '')
  const at = place === null || place[1]?.includes('//') ? {} : { file: place[1] ?? '', line: Number(place[2]) }
  return {
    level: finding.level,
    title: finding.id,
    text: text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text,
    ...at,
  }
}
