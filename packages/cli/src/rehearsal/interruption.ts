import { Fault } from '@sluice/kit/faults'
import { pause } from './pause.ts'
import type { Stage } from './stage.ts'

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

/**
 * What is being set up, or the code of the signal that came before it was. What is set up too late is closed again.
 * @param limit ms
 * @throws Fault('upstream') when it takes longer than that
 */
export const within = async (
  limit: number,
  interrupted: Promise<{ readonly code: number }>,
  setting: Promise<Stage>,
): Promise<Stage | { readonly code: number }> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Fault('upstream', `The embedded cluster did not start within ${limit / 1000} s`)),
      limit,
    )
  })
  try {
    const first = await Promise.race([setting, interrupted, late])
    if ('code' in first)
      await Promise.race([setting.then((stage) => stage.close()), pause(2_000)]).catch(() => undefined)
    return first
  } finally {
    clearTimeout(timer)
  }
}
