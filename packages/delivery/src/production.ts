import { Fault } from '@sluice/kit/faults'
import { type CanaryPlan, longestParts, plannedRun, shown, timesOf, total } from './canary.ts'
import { deploysNothing } from './event.ts'
import type { Environment } from './file.ts'
import { loginsOf } from './login.ts'
import { AROUND, environmentOf, minutes, type Place } from './place.ts'
import type { PlannedProduction } from './plan.ts'
import { jobLimit } from './runner.ts'

/**
 * What approval, canary and recovery need.
 * @throws Fault('input') when the canary cannot end within the time its runner gives a job
 */
export const productionOf = (place: Place, canary: CanaryPlan, event: string): PlannedProduction => {
  const { name, target, environment } = place
  const base = environmentOf(place)
  const times = timesOf(canary)
  const parts = longestParts(times)
  const timeout = Math.max(base['timeout-minutes'], minutes(total(parts)) + AROUND)
  const limit = jobLimit(environment['runs-on'])
  if (timeout > limit.minutes)
    throw new Fault(
      'input',
      `the canary of ${place.service} on ${name} may take ${shown(timeout * 60_000)}, and ${limit.why}: ${[
        ...parts.map(({ what, ms }) => `${what} ${shown(ms)}`),
        `login and set-up ${AROUND} min`,
      ].join(' + ')}`,
      'Shorten hold, max-hold or ready-within, take fewer steps, or run it on a self-hosted runner.',
    )
  return {
    ...base,
    login: loginsOf(environment.login, timeout).release,
    'timeout-minutes': timeout,
    router: target.router ?? 'gateway-api',
    route: target.route ?? null,
    rule: target.rule ?? null,
    'canary-plan': JSON.stringify(canary),
    approval: environment.approval ?? 'environment',
    'approval-environment': environment['approval-environment'] ?? `${name}-approval`,
    'recovery-environment': environment['recovery-environment'] ?? `${name}-recovery`,
    'recovery-login': loginsOf(environment.login, 0).recovery,
    ...wanted(name, environment, event),
    'runner-minutes': minutes(plannedRun(times)),
  }
}

const wanted = (
  name: string,
  { approval = 'environment' }: Environment,
  event: string,
): Pick<PlannedProduction, 'wanted' | 'wanted-why'> => {
  const nothing = deploysNothing(event)
  if (nothing !== undefined) return { wanted: false, 'wanted-why': nothing }
  switch (approval) {
    case 'none':
      return { wanted: true, 'wanted-why': `${name} asks nobody` }
    case 'environment':
      return { wanted: true, 'wanted-why': `${name} waits for the reviewers of its approval environment` }
    case 'dispatch':
      return event === 'workflow_dispatch'
        ? { wanted: true, 'wanted-why': `this run was started by hand, which is the approval of ${name}` }
        : {
            wanted: false,
            'wanted-why': `${name} is released to by hand (approval: dispatch), and this run was started by ${event}`,
          }
  }
}
