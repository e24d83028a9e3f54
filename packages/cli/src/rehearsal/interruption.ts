/** An exit code that a signal asks for: 130 after Ctrl-C, 143 after SIGTERM or a closed terminal. `off` stops listening. */
export const onInterrupt = (): { readonly signal: Promise<{ readonly code: number }>; off(): void } => {
  let hear: (code: number) => void = () => {}
  const signal = new Promise<{ readonly code: number }>((done) => {
    hear = (code) => done({ code })
  })
  const onInt = (): void => hear(130)
  const onTerm = (): void => hear(143)
  process.on('SIGINT', onInt).on('SIGTERM', onTerm).on('SIGHUP', onTerm)
  return { signal, off: () => void process.off('SIGINT', onInt).off('SIGTERM', onTerm).off('SIGHUP', onTerm) }
}
