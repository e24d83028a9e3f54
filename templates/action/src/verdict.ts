/** What is said about one file; sizes in bytes. */
export type Verdict =
  | { readonly kind: 'pass'; readonly code: 'within-limit'; readonly bytes: number }
  | { readonly kind: 'fail'; readonly code: 'too-large'; readonly bytes: number }
  | { readonly kind: 'nothing-to-check'; readonly code: 'no-file' }

/**
 * Judges a file by its size.
 * @param bytes the file's size, a whole number of at least 0; `undefined`: there is no file
 * @param maxBytes the largest size that passes, at least 1; a file of exactly this size passes
 */
export const judge = (bytes: number | undefined, maxBytes: number): Verdict => {
  if (bytes === undefined) return { kind: 'nothing-to-check', code: 'no-file' }
  return bytes > maxBytes ? { kind: 'fail', code: 'too-large', bytes } : { kind: 'pass', code: 'within-limit', bytes }
}

/** The reason and what to do about it, each one sentence. */
export const reason = (
  verdict: Verdict,
  path: string,
  maxBytes: number,
): { readonly text: string; readonly next: string } => {
  if (verdict.kind === 'nothing-to-check')
    return { text: `There is no file ${path}`, next: 'Correct path, or set on-nothing-to-check: pass' }
  const measured = `${path} has ${verdict.bytes} bytes; the limit is ${maxBytes}`
  return { text: measured, next: verdict.kind === 'pass' ? 'Nothing' : 'Make the file smaller, or raise max-bytes' }
}
