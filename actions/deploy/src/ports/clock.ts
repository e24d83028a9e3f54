/** The real clock; a sleep ends early when the run is cancelled. */
export const realClock = (cancelled: AbortSignal) => ({
  monotonic: (): number => performance.now(),
  sleep: (ms: number): Promise<void> =>
    new Promise((resolve) => {
      if (cancelled.aborted) return resolve()
      const finish = (): void => {
        clearTimeout(timer)
        cancelled.removeEventListener('abort', finish)
        resolve()
      }
      const timer = setTimeout(finish, ms)
      cancelled.addEventListener('abort', finish, { once: true })
    }),
})

/** A signal that is set by the runner's first SIGINT or SIGTERM. */
export const cancellation = (): AbortSignal => {
  const controller = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => controller.abort(name))
  return controller.signal
}
