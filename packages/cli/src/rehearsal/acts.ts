import { rmSync, writeFileSync } from 'node:fs'
import { Fault } from '@sluice/kit/faults'
import type { Run } from '@sluice/runner/github'
import type { RunTrace } from '@sluice/runner/trace'
import { pause } from './pause.ts'
import { OUTAGE } from './plan.ts'
import type { Asked, Scene } from './release.ts'
import { weightOf } from './watch.ts'

/** How long the canary has traffic before its run is cancelled or its machine dies, ms: enough that it is in the middle of its work. */
const INTO_TRAFFIC = 1_500

/** Breaks what stable and canary share for a while, a moment after the canary got traffic. */
export const breakDependency = async ({ stage, tell }: Scene, name: string): Promise<undefined> => {
  await pause(OUTAGE.after)
  writeFileSync(stage.outageFile, '')
  tell(`${name}: a dependency of stable and canary is out`, `half of all requests fail for ${OUTAGE.length / 1000} s`)
  await pause(OUTAGE.length)
  rmSync(stage.outageFile, { force: true })
  tell(`${name}: the dependency is back`)
}

/** Cancels the run, or lets its machines die; gives the canary's weight at that moment, whole percent. */
export const actUpon = async (
  run: Run,
  { name, act }: Asked,
  { stage, place, tell }: Scene,
): Promise<number | undefined> => {
  if (act === 'none' || act === 'refuse') return undefined
  await pause(INTO_TRAFFIC)
  const weight = await weightOf(stage.cluster, place)
  if (act === 'cancel') {
    tell(`${name}: the run is cancelled`, 'SIGINT, after 7.5 s SIGTERM, after 2.5 s more the end of the process tree')
    run.cancel()
    return weight
  }
  if (!killed(run, CANARY)) return undefined
  tell(`${name}: the machine of the canary's job dies`, 'no signal, no post step')
  if (act === 'kill-once') return weight
  // A run that ends without that job is one of the claims' to tell.
  await run.started(RECOVER).catch(() => undefined)
  if (killed(run, RECOVER)) tell(`${name}: the machine of the job beside it dies as well`)
  await run.done
  return weightOf(stage.cluster, place)
}

/** Lets a job's machine die; false when the job does not run (any more). */
const killed = (run: Run, job: string): boolean => {
  try {
    run.kill(job)
    return true
  } catch (thrown) {
    if (thrown instanceof Fault) return false
    throw thrown
  }
}

const CANARY = 'canary / canary'
const RECOVER = 'canary / recover'

/** The run that ends what nobody watches: the one that the end of the delivery started by itself, else one by hand. */
export const reap = async (run: Run, { name }: Asked, { forge, tell }: Scene): Promise<RunTrace> => {
  const { platform, callers } = forge
  await pause(100)
  const started = platform.runs.find(({ id, file }) => id > run.id && file.endsWith(`/${callers.reap}`))
  tell(
    `${name}: ${callers.reap} takes over`,
    started === undefined ? 'started by hand' : 'started by the end of the run that lost its machines',
  )
  return (started ?? platform.dispatch(callers.reap, {}, callers.branch)).done
}
