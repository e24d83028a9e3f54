import type { Finding } from '@sluice/kit/report'
import type { Digest, ImageFacts } from '@sluice/registry/registry'
import type { Failure } from './build/failure.ts'
import type { Progress } from './build/progress.ts'
import type { Builder } from './build/result.ts'
import type { Plan } from './ports.ts'

/** Why it ended as it did. Stable API. */
export type Code =
  | 'pushed'
  | 'merged'
  | 'skipped'
  | 'built'
  | 'build-failed'
  | 'build-broken'
  | 'tag-taken'
  | 'no-tags'
  | 'platforms-differ'
  | 'not-whole'
  | 'push-failed'
  | 'load-failed'
  | 'cancelled'

/** pass: done; fail: what was asked for is wrong, such as a Dockerfile that does not build; error: it could not be done. */
export type Verdict = 'pass' | 'fail' | 'error'

/** How long a part of the work took, ms. */
export type Timed = { readonly what: Part; readonly ms: number }
/** The parts of the work, in their order. */
export type Part = 'lookup' | 'build' | 'push' | 'read-back' | 'tags' | 'load' | 'merge'

/** What was seen on the way, whatever it came to. */
export type Seen = {
  readonly times: readonly Timed[]
  /** Sentences: what was decided without being asked for. */
  readonly notes: readonly string[]
  readonly builder?: Builder
  /** Of the build itself, not of the push. */
  readonly progress?: Progress
  /** How often a push was tried. */
  readonly attempts: number
}

/** A tag that was written, or was right already. */
export type Written = { readonly repository: string; readonly tag: string; readonly written: boolean }

/** What came of it. */
export type Result = Seen & {
  readonly verdict: Verdict
  readonly code: Code
  /** A clause without a full stop. */
  readonly text: string
  readonly next: string
  readonly problems: readonly string[]
  readonly failure?: Failure
  readonly image?: ImageFacts
  readonly skipped: boolean
  readonly tags: readonly Written[]
}

/** A result that is no image. @param problems each a clause; the first is the reason */
export const failed = (seen: Seen, code: Code, problems: readonly string[], failure?: Failure): Result => ({
  ...seen,
  verdict: ERRORS.includes(code) ? 'error' : 'fail',
  code,
  text: problems.length > 1 ? `${problems[0]}, and ${problems.length - 1} more` : (problems[0] ?? ''),
  next: failure?.hint ?? NEXT[code] ?? '',
  problems,
  ...(failure === undefined ? {} : { failure }),
  skipped: false,
  tags: [],
})

/** A result that came while tags were written: those that are written stay, and are told. */
export const stoppedAt = (result: Result, tags: readonly Written[]): Result => {
  const done = tags.filter(({ written }) => written).map(({ repository, tag }) => `${repository}:${tag}`)
  if (done.length === 0) return { ...result, tags }
  const next = `Written before, and right: ${done.join(', ')}. Run the failed jobs again for the others`
  return { ...result, tags, next }
}

/** An image that is there. */
export const passed = (
  seen: Seen,
  code: 'pushed' | 'merged' | 'skipped' | 'built',
  had: { readonly text: string; readonly image?: ImageFacts; readonly tags: readonly Written[] },
): Result => ({ ...seen, verdict: 'pass', code, next: '', problems: [], skipped: code === 'skipped', ...had })

/** Each platform's own manifest. */
export const digestsOf = (image: ImageFacts | undefined): Readonly<Record<string, Digest>> =>
  Object.fromEntries((image?.platforms ?? []).map(({ platform, digest }) => [platform, digest]))

/** What is shown at lines of files, worst first: the instruction that failed, then what BuildKit warns of. */
export const findingsOf = (result: Result): readonly Finding[] => {
  const { failure, progress } = result
  const problems = failure === undefined ? result.problems.slice(0, 50) : []
  return [
    ...(failure === undefined ? [] : [ofFailure(failure)]),
    ...problems.map((text): Finding => ({ id: result.code, level: 'error', text })),
    ...(progress?.warnings ?? []).map(
      ({ text, url, file, line }): Finding => ({
        id: 'build-check',
        level: 'warning',
        text,
        ...(url === '' ? {} : { hint: url }),
        ...(file === '' || line === 0 ? {} : { where: `${file}:${line}` }),
      }),
    ),
    ...result.notes.map((text): Finding => ({ id: 'note', level: 'note', text })),
  ]
}

const ofFailure = ({ file, line, command, cause, hint, lastLines }: Failure): Finding => ({
  id: 'build-failed',
  level: 'error',
  text: [cause, ...(cause.includes(command) ? [] : [command]), ...lastLines].join('\n'),
  ...(hint === undefined ? {} : { hint }),
  ...(file === '' || line === 0 ? {} : { where: `${file}:${line}` }),
})

const ERRORS: readonly Code[] = ['build-broken', 'load-failed', 'push-failed', 'not-whole', 'cancelled']

const NEXT: Readonly<Partial<Record<Code, string>>> = {
  'build-failed': 'See the last lines of the step that failed, mend it and push again',
  'build-broken': 'The builder or a registry failed, not the Dockerfile. Run the failed jobs again',
  'tag-taken':
    'No tag was changed. Release under a new version, or delete the tag at the registry if what it names was never meant',
  'no-tags': 'Nothing was built. Add a rule for a tag of this version or commit, such as type=sha',
  'platforms-differ': 'No tag was written. See the legs: each must push its own platform, and all of this run',
  'not-whole': 'No tag was written. Run the failed jobs again',
  'push-failed': 'No tag was written. If the registry is well again, run the failed jobs again',
  'load-failed': 'No tag was written. Is Docker running on this machine?',
  cancelled: 'No tag was written, unless it says so. Run the failed jobs again',
}

/** The details of the report. Times are ms, sizes bytes. */
export type Details = {
  readonly skipped: boolean
  readonly attempts: number
  readonly platforms: ImageFacts['platforms']
  readonly tags: readonly Written[]
  readonly rules: readonly { readonly tag: string; readonly kind: 'fixed' | 'moving'; readonly rule: string }[]
  readonly times: readonly Timed[]
  readonly steps: readonly { readonly name: string; readonly cached: boolean; readonly ms: number }[]
  readonly builder: Builder | null
}

/** What the report holds beside the verdict. */
export const detailsOf = (result: Result, { tagging }: Pick<Plan, 'tagging'>): Details => ({
  skipped: result.skipped,
  attempts: result.attempts,
  platforms: result.image?.platforms ?? [],
  tags: result.tags,
  rules: tagging.tags.map(({ name, kind, rule }) => ({ tag: name, kind, rule })),
  times: result.times,
  steps: (result.progress?.steps ?? []).slice(0, 500).map(({ name, cached, ms }) => ({ name, cached, ms })),
  builder: result.builder ?? null,
})
