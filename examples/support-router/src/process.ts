import { type Options, start } from './start.ts'

/**
 * Runs the service as a process, told by its environment: PORT (8080), HOST (0.0.0.0), RELEASE (`development`), GRACE_SECONDS (20).
 * On SIGTERM or SIGINT it takes no more requests, ends those in flight and exits 0; 1 when some had to be cut.
 */
export const runProcess = async (around?: Options['around']): Promise<void> => {
  const log = (line: string): void => console.log(`${new Date().toISOString()} ${line}`)
  const { PORT = '8080', HOST = '0.0.0.0', RELEASE = 'development', GRACE_SECONDS = '20' } = process.env
  const port = Number(PORT)
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error(`PORT must be 0 to 65535, not "${PORT}"`)
  const grace = Number(GRACE_SECONDS) * 1000
  if (!(grace >= 0)) throw new Error(`GRACE_SECONDS must be a number of seconds, not "${GRACE_SECONDS}"`)
  const modelFile = new URL('../model/intents.model', import.meta.url)
  const running = await start({
    port,
    host: HOST,
    release: RELEASE,
    modelFile,
    grace,
    log,
    ...(around ? { around } : {}),
  })
  let told = false
  const stop = async (signal: string): Promise<void> => {
    if (told) return
    told = true
    log(`${signal}: stopping`)
    const { cut } = await running.stop()
    log(cut === 0 ? 'stopped' : `stopped, ${cut} requests cut after ${GRACE_SECONDS} s`)
    process.exit(cut === 0 ? 0 : 1)
  }
  process.on('SIGTERM', () => void stop('SIGTERM'))
  process.on('SIGINT', () => void stop('SIGINT'))
}
