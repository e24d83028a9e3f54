/**
 * What is awaited, or the other once the run is cancelled: what was asked may hang, and nobody waits for it then. What had begun when the run was
 * cancelled already is awaited, as its caller chose to begin it.
 * @param other what stands for an answer that nobody waited for
 */
export const orCancelled = async <T>(work: Promise<T>, cancelled: AbortSignal, other: T): Promise<T> => {
  if (cancelled.aborted) return work
  let give: () => void = () => {}
  const given = new Promise<T>((resolve) => {
    give = () => resolve(other)
    cancelled.addEventListener('abort', give, { once: true })
  })
  try {
    return await Promise.race([work, given])
  } finally {
    cancelled.removeEventListener('abort', give)
  }
}
