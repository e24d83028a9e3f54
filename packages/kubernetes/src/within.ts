/**
 * A promise's value, or `late()` thrown when it has not settled after `ms`. What it waits for goes on: the caller must be able to leave it behind.
 * @throws what the promise rejects with, or what `late` makes
 */
export const within = async <T>(ms: number, promise: Promise<T>, late: () => Error): Promise<T> => {
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), ms)
  })
  try {
    return await Promise.race([promise, deadline])
  } finally {
    clearTimeout(timer)
  }
}
