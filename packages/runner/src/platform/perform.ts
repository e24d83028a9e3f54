import { describe, Fault } from '@sluice/kit/faults'
import type { EnvironmentRules } from '../github.ts'
import type { NormalJob } from '../workflow.ts'
import { rulesOf } from './environments.ts'
import { type GatePorts, pass } from './gate.ts'
import type { Ended, Ready } from './graph.ts'
import type { Machines } from './machines.ts'
import { type MachinePorts, onMachine } from './on-machine.ts'
import { type Settings, settingsOf } from './settings.ts'
import { sentenceOf, traceUnbegun } from './unbegun.ts'

/** What a job needs from the platform, from its environment's rules to its end. */
export type PerformPorts = GatePorts &
  MachinePorts & {
    readonly machines: Machines
    readonly environments: Readonly<Record<string, EnvironmentRules>>
  }

/**
 * Takes a job with steps from its environment's rules to its end: rules, a machine, the steps, and GitHub's Deployment beside them.
 * Never rejects for what a workflow, a reviewer or a machine can do.
 */
export const perform = async (ready: Ready & { readonly job: NormalJob }, ports: PerformPorts): Promise<Ended> => {
  const startedAt = ports.now()
  const unbegun = (conclusion: 'failure' | 'cancelled', why: readonly string[]): Ended => ({
    own: { ...traceUnbegun(ready, { conclusion, why, at: startedAt }), endedAt: ports.now() },
    called: [],
    mayFail: false,
  })
  try {
    const settings = settingsOf(ready)
    const { environment } = settings
    const rules = environment ? rulesOf(ports.environments, environment.name) : {}
    const kept = environment && (await pass(ready, { environment, rules, ports }))
    if (kept) return named(unbegun(kept.conclusion, kept.why), settings, rules)
    const path = ready.path.join(' / ')
    ports.tell('job-queued', path, '')
    const leave = await ports.machines.take(ready.end.signal)
    if (leave === undefined) return named(unbegun('cancelled', [sentenceOf(ready.end.signal)]), settings, rules)
    try {
      return await onMachine(ready, { settings, rules, ports })
    } finally {
      leave()
    }
  } catch (thrown) {
    // What cannot be evaluated fails its job, as on GitHub; anything else is a bug of ours.
    if (thrown instanceof Fault) return unbegun('failure', [`The template is not valid. ${describe(thrown)}`])
    if (isOfTheSystem(thrown)) return unbegun('failure', [`This machine could not do the job: ${thrown.message}`])
    throw thrown
  }
}

const named = (
  { own, ...rest }: Ended,
  { environment, mayFail }: Settings,
  { waitMinutes = 0 }: EnvironmentRules,
): Ended => ({
  ...rest,
  mayFail,
  own: { ...own, environment: environment?.name ?? '', waitMinutes },
})

/** Such as no room left, or a folder that somebody removed. */
const isOfTheSystem = (thrown: unknown): thrown is Error => thrown instanceof Error && 'syscall' in thrown
