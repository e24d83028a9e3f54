/** The real clock. `now` is ms UTC, `monotonic` ms from an arbitrary zero; a sleep ends early once the run is cancelled. */
export type Clock = {
  now(): number
  monotonic(): number
  sleep(ms: number): Promise<void>
}

/** The machine's own clock. @param cancelled ends a sleep, and keeps one from beginning */
export const realClock = (cancelled: AbortSignal): Clock => ({
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms) =>
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

/**
 * A signal that is set by the runner's first SIGINT or SIGTERM; later ones change nothing.
 * @param told is called once, with the name of the signal
 */
export const cancellation = (told: (signal: NodeJS.Signals) => void = () => {}): AbortSignal => {
  const controller = new AbortController()
  const stop = (signal: NodeJS.Signals): void => {
    if (controller.signal.aborted) return
    told(signal)
    controller.abort(signal)
  }
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, stop)
  return controller.signal
}
