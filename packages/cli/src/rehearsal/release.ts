import { rmSync, writeFileSync } from 'node:fs'
import { Fault } from '@sluice/kit/faults'
import type { FaultName } from '../arguments.ts'
import type { ReleaseFacts, Told } from './claims.ts'
import type { Load } from './load.ts'
import { type Look, type Moment, momentOf, returnSpan } from './moments.ts'
import { pause } from './pause.ts'
import { OUTAGE, PLAN, REPOSITORY, type Release } from './plan.ts'
import { canaryWeight, NAMES, ROUTES, type Route } from './production.ts'
import { countsOf, readBack, settledOf } from './read-back.ts'
import type { Stage } from './stage.ts'
import type { Steps, Use } from './steps.ts'
import { badSpan, isFailed, sentBetween } from './traffic.ts'
import { watchProduction } from './watch.ts'

/** One release to take through: `run` is the number of its workflow run. */
export type Asked = {
  readonly name: string
  readonly release: Release
  readonly previous: Release
  readonly fault: FaultName
  readonly kill: boolean
  readonly run: number
}

/** What a release is taken through, and who is told: `tell` an event, `at` the stage it is in, `see` each look at production. */
export type Scene = {
  readonly stage: Stage
  readonly steps: Steps
  readonly load: Load
  tell(text: string, detail?: string): void
  at(stage: string): void
  see(look: Look | undefined): void
}

/** What a release did. The spans are absent when they did not happen; times in ms. */
export type Rehearsed = {
  readonly facts: ReleaseFacts
  readonly looks: readonly Look[]
  readonly began: number
  readonly ended: number
  readonly badSpan: ReturnType<typeof badSpan>
  readonly returnSpan: ReturnType<typeof returnSpan>
  readonly moments: readonly Moment[]
}

/** How long after the end the clients are listened to, ms, and what of that is left for requests that were under way. */
const SETTLE = { listen: 2_500, under: 500 } as const

/** Takes one release through deploy to staging → smoke-test → canary-promote in production, then reads back what is there. */
export const takeThrough = async (asked: Asked, scene: Scene): Promise<Rehearsed> => {
  const { stage, steps, load, tell, at } = scene
  const { name, release, run } = asked
  const image = `${REPOSITORY}@${release.digest}`
  const began = Date.now()
  const use = (action: string, inputs: Use['inputs'], suffix = ''): Use => ({
    id: `${name}-${action}${suffix}`,
    action,
    run,
    inputs,
  })
  const passed = async (given: Use): Promise<Told> => {
    const { told, result } = await steps.start(given).told
    tell(
      `${name}: ${given.action} ${given.action === 'deploy' ? 'to' : 'of'} staging: ${told.verdict || 'no verdict'}`,
      seconds(result.endedAt - result.startedAt),
    )
    // Nothing that did not pass staging may reach production: the workflow would stop here, and so does the rehearsal.
    if (told.code !== 0) throw new Fault('upstream', `${given.id} ended with ${told.code}: ${tail(result.log)}`)
    return told
  }

  at(`${name} release ${release.label}: deploy to staging`)
  const deploy = await passed(
    use('deploy', {
      manifests: 'examples/support-router/manifests/staging',
      values: `IMAGE=${image}`,
      namespace: NAMES.staging,
      timeout: '30s',
    }),
  )
  at(`${name} release ${release.label}: smoke-test of staging`)
  const smoke = await passed(
    use('smoke-test', {
      service: `${NAMES.staging}/${NAMES.deployment}:80`,
      checks: CHECKS,
      'expect-image': image,
      interval: '1s',
      deadline: '30s',
    }),
  )

  at(`${name} release ${release.label}: canary in production`)
  const routeBefore = await stage.cluster.get<Route>(ROUTES, NAMES.route)
  const canaryAt = Date.now()
  const promote = steps.start(
    use('canary-promote', { image, namespace: NAMES.production, deployment: NAMES.deployment, plan: PLAN }),
  )
  let firstWeight: () => void = () => {}
  const weighted = new Promise<void>((resolve) => {
    firstWeight = resolve
  })
  const watch = watchProduction(stage.cluster, (look, before) => {
    // The record of the release before stays until the new one writes its own.
    if (look.since < canaryAt) return
    scene.see(look)
    if (look.weight > 0) firstWeight()
    const told = momentOf(look, before)
    if (told !== undefined) tell(`${name}: ${told.text}`, told.detail)
  })
  stage.undo(watch.stop)
  const outage = asked.fault === 'outage' ? weighted.then(() => breakDependency(scene, name)) : undefined
  const killed = asked.kill ? weighted.then(() => killSoon(promote.kill, scene, name)) : undefined
  const { told: canary, result } = await promote.told
  const reap = killed === undefined ? undefined : await cleanUp(asked, scene)
  await outage
  await watch.stop()
  scene.see(undefined)
  if (reap === undefined)
    tell(
      `${name}: canary-promote: ${canary.verdict || canary.signal || 'no verdict'}`,
      canary.code === 1 ? reasonOf(result.outputs, result.log) : (result.outputs.reason ?? ''),
    )

  at(`${name} release ${release.label}: listening to the clients`)
  const ended = Date.now()
  await pause(SETTLE.listen)
  const looks = watch.looks.filter(({ since }) => since >= canaryAt)
  const during = sentBetween(load.answers, began, ended)
  const settled = sentBetween(load.answers, ended + SETTLE.under, Date.now() - SETTLE.under)
  const facts: ReleaseFacts = {
    name,
    label: release.label,
    previousLabel: asked.previous.label,
    fault: asked.fault,
    image: release.digest,
    previousImage: asked.previous.digest,
    deploy,
    smoke,
    canary,
    ...(reap === undefined ? {} : { reap }),
    held: looks.some(({ phase }) => phase === 'holding'),
    after: await readBack(stage, routeBefore),
    clients: {
      ...countsOf(during, release.label),
      settled: settledOf(settled),
      settledFailed: settled.filter(isFailed).length,
    },
  }
  return {
    facts,
    looks,
    began,
    ended,
    badSpan: badSpan(sentBetween(load.answers, canaryAt, Date.now()), asked.previous.label),
    returnSpan: returnSpan(looks),
    moments: [],
  }
}

/** The checks that a release has to pass in staging. */
const CHECKS = `- name: is ready
  path: /ready
  expect: { status: 200, json: [{ path: $.status, op: eq, value: ready }] }
- name: knows a bill from a parcel
  method: POST
  path: /classify
  body: { text: My invoice is wrong, I was charged twice }
  expect: { status: 200, json: [{ path: $.intent, op: eq, value: billing }] }
`

const breakDependency = async ({ stage, tell }: Scene, name: string): Promise<void> => {
  await pause(OUTAGE.after)
  writeFileSync(stage.outageFile, '')
  tell(`${name}: a dependency of stable and canary is out`, `half of all requests fail for ${OUTAGE.length / 1000} s`)
  await pause(OUTAGE.length)
  rmSync(stage.outageFile, { force: true })
  tell(`${name}: the dependency is back`)
}

const killSoon = async (kill: (signal: NodeJS.Signals) => void, { tell }: Scene, name: string): Promise<void> => {
  await pause(1_500)
  kill('SIGKILL')
  tell(`${name}: canary-promote killed with SIGKILL`, 'no post step, no clean-up')
}

const cleanUp = async (asked: Asked, { stage, steps, tell, at }: Scene): Promise<NonNullable<ReleaseFacts['reap']>> => {
  const weightAtDeath = canaryWeight(await stage.cluster.get<Route>(ROUTES, NAMES.route))
  at(`${asked.name} release ${asked.release.label}: the next run takes over once the lease has run out`)
  tell(`${asked.name}: the next run starts with mode reap`, `canary weight is still ${weightAtDeath} %`)
  const { told, result } = await steps.start({
    id: `${asked.name}-canary-promote-reap`,
    action: 'canary-promote',
    run: asked.run + 1,
    inputs: { mode: 'reap', namespace: NAMES.production, deployment: NAMES.deployment },
  }).told
  tell(`${asked.name}: reap: ${told.verdict || 'no verdict'}`, result.outputs.reason ?? '')
  return { told, weightAtDeath }
}

/** The reason as the action gave it, or where it gave none, the end of its log. */
const reasonOf = (outputs: Readonly<Record<string, string>>, log: readonly string[]): string =>
  outputs.reason || tail(log)

/** The end of a log as a person reads it: a runner's commands for annotations become their text. */
const tail = (log: readonly string[]): string =>
  log
    .slice(-12)
    .map((line) => line.replace(/^::\w+[^:]*::/, '').replaceAll('%0A', '\n'))
    .join('\n')

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`
