/**
 * What several works give, in their order. When one fails, `broke` is told at once, so that the others can be ended; the first failure is thrown when all have ended,
 * so that nothing goes on behind whoever waits.
 */
export const allOf = async <T>(works: readonly Promise<T>[], broke: () => void): Promise<readonly T[]> => {
  const ends = await Promise.allSettled(
    works.map((work) =>
      work.catch((thrown: unknown) => {
        broke()
        throw thrown
      }),
    ),
  )
  return ends.map((end) => {
    if (end.status === 'rejected') throw end.reason
    return end.value
  })
}
