/** A source of chance: uniform in [0, 1). This package never makes one by itself; the caller hands it in, with the seed that is reported. */
export type Random = () => number

/**
 * A seeded source with 53 random bits: sfc32 (Doty-Humphrey, PractRand). The same seed gives the same sequence on every machine.
 * @param seed any whole number; its lowest 32 bits count
 */
export const seeded = (seed: number): Random => {
  let [a, b, c, counter] = [0, seed | 0, seed ^ 0x9e3779b9, 1]
  const next = () => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + sum
    c |= 0
    return sum >>> 0
  }
  // The first numbers still show the seed.
  for (let i = 0; i < 15; i++) next()
  return () => ((next() >>> 5) * 67108864 + (next() >>> 6)) / 9007199254740992
}
