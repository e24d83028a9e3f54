/**
 * The candidate that a person most likely meant: fewest edits (insertions, deletions, substitutions, swaps of neighbours), at most a third of
 * the word's length and at least one allowed; `undefined` when none is that near.
 * Source: optimal string alignment distance (Damerau 1964).
 */
export const nearest = (word: string, candidates: readonly string[]): string | undefined => {
  const limit = Math.max(1, Math.floor(word.length / 3))
  const ranked = candidates
    .map((candidate) => ({ candidate, edits: distance(word.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.edits - b.edits)
  const best = ranked[0]
  return best !== undefined && best.edits <= limit ? best.candidate : undefined
}

/** `unknown key "wieght"; did you mean "weight"?`, or the list of known names when none is near. */
export const unknownName = (what: string, name: string, known: readonly string[]): string => {
  const meant = nearest(name, known)
  const advice = meant === undefined ? `known: ${known.join(', ')}` : `did you mean "${meant}"?`
  return `unknown ${what} "${name}"; ${advice}`
}

const distance = (a: string, b: string): number => {
  let before: readonly number[] = []
  let previous: readonly number[] = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const current = [i]
    for (let j = 1; j <= b.length; j++) {
      const substitution = at(previous, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1)
      let edits = Math.min(at(previous, j) + 1, at(current, j - 1) + 1, substitution)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        edits = Math.min(edits, at(before, j - 2) + 1)
      current.push(edits)
    }
    before = previous
    previous = current
  }
  return at(previous, b.length)
}

const at = (row: readonly number[], index: number): number => row[index] ?? Number.POSITIVE_INFINITY
