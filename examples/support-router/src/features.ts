/** A ticket as the model sees it: bucket → weight, of length one as a vector. */
export type Features = ReadonlyMap<number, number>

/**
 * Hashes a ticket's words and parts of words into `buckets` numbers.
 * A term that appears n times counts 1 + ln n; the whole is scaled to length one, so long tickets do not shout.
 * Source: Weinberger et al., "Feature hashing for large scale multitask learning" (2009), without the sign bit.
 * @param buckets at least 1; the same as the model was trained with
 */
export const features = (text: string, buckets: number): Features => {
  const counts = new Map<number, number>()
  for (const term of terms(text)) {
    const bucket = fnv1a(term) % buckets
    counts.set(bucket, (counts.get(bucket) ?? 0) + 1)
  }
  const weights = [...counts].map(([bucket, count]) => [bucket, 1 + Math.log(count)] as const)
  const length = Math.sqrt(weights.reduce((sum, [, weight]) => sum + weight * weight, 0))
  return new Map(weights.map(([bucket, weight]) => [bucket, weight / length]))
}

/** Lower-case words (letters and digits of any script), and each word's runs of four and five letters with its ends marked. */
export const terms = (text: string): readonly string[] => {
  const words =
    text
      .normalize('NFKC')
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? []
  return words.flatMap((word) => [word, ...runs(`<${word}>`, 4), ...runs(`<${word}>`, 5)])
}

const runs = (word: string, length: number): readonly string[] =>
  Array.from({ length: Math.max(0, word.length - length + 1) }, (_, start) => word.slice(start, start + length))

/** FNV-1a, 32 bits, over UTF-8. */
const fnv1a = (term: string): number => {
  let hash = 0x811c9dc5
  for (const byte of new TextEncoder().encode(term)) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash >>> 0
}
