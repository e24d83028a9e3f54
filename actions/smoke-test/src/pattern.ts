/**
 * Whether a text matches a regular expression (with the flag u), which was checked before. One that backtracks without end would hold up the run,
 * its deadline and its cancellation, so that it is given up as `too-slow`.
 */
export type Match = (source: string, text: string) => boolean | 'too-slow'

/** The sentence for a pattern that was given up. */
export const tooSlow = (source: string): string =>
  `/${source}/ was given up: it backtracks without end on this text; write it without nested repetition`
