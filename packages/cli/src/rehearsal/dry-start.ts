import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Described } from '@sluice/delivery/file'
import { Fault } from '@sluice/kit/faults'
import { freePort } from '@sluice/sandbox/ports'

/** How long a service may take to be ready when it is tried, ms. */
const LIMIT = 60_000

/**
 * Starts a service by its own command once, before anything else, and gives how long it took to be ready, ms: what does not start alone would only fail
 * later, as a pod. It is ended again.
 * @param stopped ends the try
 * @throws Fault('input') with the end of its output
 */
export const tryStart = async (
  start: NonNullable<Described['start']>,
  folder: string,
  stopped: AbortSignal,
): Promise<number> => {
  const port = await freePort()
  const began = Date.now()
  let output = ''
  const child = spawn('bash', ['-c', start.run], {
    cwd: folder,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH ?? '',
      HOME: process.env.HOME ?? folder,
      HOST: '127.0.0.1',
      PORT: String(port),
    },
  })
  const hear = (chunk: Buffer): void => {
    output = (output + chunk).slice(-2_000)
  }
  child.stdout.on('data', hear)
  child.stderr.on('data', hear)
  let ended = ''
  child.once('error', (error) => {
    ended = error.message
  })
  child.once('exit', (code, signal) => {
    ended ||= signal ?? `exit code ${code}`
  })
  try {
    while (Date.now() - began < LIMIT && !stopped.aborted) {
      if (ended !== '') throw notStarted(start, `it ended (${ended})`, output)
      if (await answers(`http://127.0.0.1:${port}${start.ready}`)) return Date.now() - began
      await sleep(50)
    }
    throw notStarted(start, `${start.ready} did not answer 2xx within ${LIMIT / 1000} s on the port in PORT`, output)
  } finally {
    endGroup(child.pid)
  }
}

const notStarted = ({ run }: { readonly run: string }, why: string, output: string): Fault =>
  new Fault(
    'input',
    `The service could not be started by \`${run}\`: ${why}${output.trim() === '' ? '' : `\n${output.trim()}`}`,
    'It has to listen on the port that the environment variable PORT names: each pod of the rehearsal gets one of its own.',
  )

const answers = async (url: string): Promise<boolean> => {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(1_000) })
    await answer.body?.cancel()
    return answer.ok
  } catch {
    return false
  }
}

const endGroup = (pid: number | undefined): void => {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  } catch {
    // It is gone already.
  }
}
