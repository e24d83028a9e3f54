import type { GitHub } from '@sluice/github/connect'
import {
  addStatus,
  deploymentsTo,
  findOrCreate,
  type NewDeployment,
  type Status,
  statusesOf,
} from '@sluice/github/deployments'
import { refusalBehind } from '@sluice/github/refusal'
import { Fault } from '@sluice/kit/faults'
import { loggedLine } from '@sluice/kit/log'
import { isSame, isSibling, type Payload } from '../payload.ts'
import type { Ports } from '../run.ts'

/** Neighbours that are looked at: enough for what a failed step left behind, and few calls. */
const NEAREST = 5

/** The action's ports over one repository. @param payload what the deployment is found by */
export const gitHubPorts = (github: GitHub, wanted: NewDeployment, payload: Payload): Ports => ({
  findOrCreate: () => findOrCreate(github, wanted, (given) => isSame(given, payload)),
  statuses: (id) => statusesOf(github, id),
  neighbours: async (id) => {
    const siblings = (await deploymentsTo(github, payload.environment)).filter(
      (one) => one.id !== id && isSibling(one.payload, payload),
    )
    const newer = siblings.filter((one) => one.id > id).slice(0, NEAREST)
    const older = siblings.filter((one) => one.id < id).slice(0, NEAREST)
    return Promise.all(
      [...newer, ...older].map(async ({ id: one, createdAt }) => ({
        id: one,
        createdAt,
        statuses: await statusesOf(github, one),
      })),
    )
  },
  add: (id, status) => addStatus(github, id, status as Status),
  refused: (thrown) => {
    const refusal = refusalBehind(thrown)
    return refusal !== undefined && thrown instanceof Fault
      ? { code: refusal.code, text: thrown.message, next: `${thrown.hint ?? ''}.` }
      : undefined
  },
  now: () => Date.now(),
  say: (line) => process.stdout.write(`${loggedLine(line)}\n`),
})
