import { causeOf } from './causes.ts'
import type { Progress, Step } from './progress.ts'
import { short } from './text.ts'

/** Why a build failed, and where. `file` `''`, `line` 0 and `command` `''` where it is of no line. */
export type Failure = {
  readonly file: string
  readonly line: number
  /** The instruction as the Dockerfile has it. */
  readonly command: string
  /** The last lines that the step wrote. */
  readonly lastLines: readonly string[]
  /** One sentence without a full stop: the first real cause. */
  readonly cause: string
  /** What to do about it. */
  readonly hint?: string
}

/** What a build that failed left. */
export type Failed = {
  readonly progress: Progress
  /** The Dockerfile as an annotation names it; `''` for one that is not in the workspace. */
  readonly dockerfile: string
  /** How buildx ended, such as `exit code 1`, for when it says nothing. */
  readonly ended: string
}

const TAIL = 20
const LONGEST_COMMAND = 1000
const LONGEST_ERROR = 4000

/**
 * Reads what buildx said of a failure: the place in the Dockerfile, the step that failed, and the error at the end.
 * @param has whether the context's folder has this path; `undefined` where nobody can say
 */
export const failureOf = (
  { progress, dockerfile, ended }: Failed,
  has: (path: string) => boolean | undefined,
): Failure => {
  const error = errorOf(progress) ?? `docker buildx build ended with ${ended} and said nothing`
  const step = failedStep(progress)
  const place = placeOf(progress.said)
  const command = place?.command ?? ''
  const lastLines = step?.log.slice(-TAIL) ?? []
  return {
    file: place === undefined ? '' : fileOf(place.file, dockerfile),
    line: place?.line ?? 0,
    command,
    lastLines,
    ...causeOf({ error, command: command === '' ? (step?.name ?? '') : command, lastLines, has }),
  }
}

/** What buildx said last, without the words before that say nothing; `undefined` where it said no error. */
export const errorOf = ({ said, steps }: Pick<Progress, 'said' | 'steps'>): string | undefined => {
  const at = said.findLastIndex((line) => /^ERROR: /i.test(line))
  const told = at < 0 ? (failedStep({ steps })?.error ?? said.at(-1)) : said[at]
  return told === undefined ? undefined : told.slice(0, LONGEST_ERROR).replace(BEFORE, '').trim()
}

const BEFORE =
  /^(ERROR: |failed to build: |failed to solve: |failed to compute cache key: |failed to load cache key: |rpc error: code = [A-Za-z]{1,30} desc = )+/i

/** The first that failed by itself: the others are broken off with it. */
const failedStep = ({ steps }: Pick<Progress, 'steps'>): Step | undefined =>
  steps.find(({ error }) => error !== undefined && !/context canceled$/.test(error))

type Place = { readonly file: string; readonly line: number; readonly command: string }

/** BuildKit shows the lines around an instruction, between rules, those of the instruction marked with `>>>`. */
const placeOf = (said: readonly string[]): Place | undefined => {
  const at = said.findLastIndex((line, index) => HEAD.test(line) && RULE.test(said[index + 1] ?? ''))
  const [, file = '', number = ''] = HEAD.exec(said[at] ?? '') ?? []
  if (at < 0) return undefined
  const after = said.slice(at + 2)
  const end = after.findIndex((line) => RULE.test(line))
  const marked = after.slice(0, Math.max(0, end)).flatMap((line) => MARKED.exec(line)?.[1] ?? [])
  return { file, line: Number(number), command: short(marked.join('\n').trim(), LONGEST_COMMAND) }
}

const HEAD = /^([^:]{1,500}):(\d{1,7})$/
const RULE = /^-{20}$/
const MARKED = /^ *\d{1,7} \| >>> ?(.*)$/

/** The Dockerfile as it was named to us, for what BuildKit calls it: some versions by its name, some by its path. `''` for another file. */
export const fileOf = (named: string, dockerfile: string): string =>
  dockerfile === named || dockerfile.endsWith(`/${named}`) || named.endsWith(`/${dockerfile}`) ? dockerfile : ''
