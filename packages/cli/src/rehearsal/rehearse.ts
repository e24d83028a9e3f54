import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Fault } from '@sluice/kit/faults'
import type { Action } from '../actions.ts'
import type { RehearseOptions } from '../arguments.ts'
import { claimsOf } from './claims.ts'
import { closing, faultTitle, machineName } from './closing.ts'
import { figureRows, figuresOf } from './figures.ts'
import { page } from './html.ts'
import { onInterrupt, within } from './interruption.ts'
import type { Load } from './load.ts'
import { changes, type Look, type Moment, recent } from './moments.ts'
import { pause } from './pause.ts'
import { LOAD, REPOSITORY, SHORTENED } from './plan.ts'
import { NAMES } from './production.ts'
import { type Rehearsed, type Scene, takeThrough } from './release.ts'
import { openScreen } from './screen.ts'
import { setStage } from './stage.ts'
import { createSteps, type Steps } from './steps.ts'
import { isFailed, perSecond } from './traffic.ts'
import type { Frame } from './view.ts'

/**
 * Takes a good and a bad release through the embedded cluster, shows it, writes the report, and gives the exit code: 0 when every claim holds,
 * 1 when one does not, 130 when it was interrupted. Whatever happens, no process and no temporary folder stays.
 */
export const rehearse = async (root: string, actions: readonly Action[], options: RehearseOptions): Promise<number> => {
  const began = Date.now()
  const reports = resolve(options.report)
  for (const part of ['logs', 'reports']) rmSync(join(reports, part), { recursive: true, force: true })
  mkdirSync(reports, { recursive: true })
  const moments: Moment[] = []
  const looks: Look[] = []
  const now: { stage: string; look: Look | undefined; load: Load | undefined } = {
    stage: 'starting the embedded cluster',
    look: undefined,
    load: undefined,
  }
  const mode = options.json ? 'silent' : options.live && process.stdout.isTTY ? 'live' : 'plain'
  const screen = openScreen({ mode, began }, () => frameOf(now, moments, began))
  const tell = (text: string, detail = ''): void => {
    const moment = { at: Date.now(), text, detail }
    moments.push(moment)
    screen.tell(moment)
  }
  screen.note(
    `A rehearsal on this machine: an embedded cluster, ${LOAD.rate} requests/s, the actions' real ${options.fromSource ? 'sources' : 'bundles'}. ${SHORTENED}`,
  )

  const interrupted = onInterrupt()
  const stage = await within(START, interrupted.signal, setStage(root, options))
  if ('code' in stage) {
    screen.stop()
    interrupted.off()
    return stage.code
  }
  const steps = createSteps(stage, { actions, fromSource: options.fromSource, reports, say: () => {} })
  stage.undo(steps.killAll)
  const play = async (): Promise<readonly Rehearsed[]> => {
    const { first, good, second } = stage.releases
    tell('the embedded cluster is up')
    now.stage = `first release ${first.label}: deploy to production`
    await deployFirst(steps, first.digest)
    tell(`${first.label} is deployed to production`, '4 pods behind a Service and an HTTPRoute')
    const load = stage.load()
    now.load = load
    await steady(load, first.label)
    tell('traffic is steady', `${LOAD.rate} requests/s through the gateway`)
    const scene: Scene = {
      stage,
      steps,
      load,
      tell,
      at: (text) => {
        now.stage = text
      },
      see: (look) => {
        now.look = look
        if (look !== undefined) looks.push(look)
      },
    }
    const done: Rehearsed[] = []
    if (!options.second)
      done.push(
        await takeThrough(
          { name: 'good', release: good, previous: first, fault: 'none', kill: false, run: 1001 },
          scene,
        ),
      )
    const name = options.fault === 'none' || options.fault === 'outage' ? 'second' : 'bad'
    const previous = options.second ? first : good
    done.push(
      await takeThrough(
        { name, release: second, previous, fault: options.fault, kill: options.kill, run: 1002 },
        scene,
      ),
    )
    return done
  }
  try {
    const outcome = await Promise.race([play().then((done) => ({ done })), interrupted.signal])
    screen.stop()
    if ('code' in outcome) {
      screen.note('Interrupted: ending what was started.')
      return outcome.code
    }
    await now.load?.stop()
    const answers = now.load?.answers ?? []
    const { done } = outcome
    const claims = done.flatMap(({ facts }) => claimsOf(facts))
    const passed = claims.every(({ ok }) => ok)
    const ended = Date.now()
    const figures = figuresOf(done, answers, ended - began)
    const machine = machineName()
    const result = {
      schema: 'sluice.dev/rehearsal/v1',
      passed,
      fault: options.fault,
      kill: options.kill,
      seed: options.seed,
      machine,
      startedAt: new Date(began).toISOString(),
      figures,
      claims,
      moments,
      releases: done.map(({ facts }) => facts),
      // The first of them, to see at a glance when and how they failed.
      failures: answers.filter(isFailed).slice(0, 50),
    }
    writeFileSync(join(reports, 'rehearsal.json'), `${JSON.stringify(result, null, 2)}\n`)
    writeFileSync(
      join(reports, 'rehearsal.html'),
      page({
        title: `Sluice rehearsal: ${options.second ? '' : 'a good release, then '}${faultTitle(options)}`,
        passed,
        began,
        ended,
        machine,
        shortened: SHORTENED,
        claims,
        moments,
        figures: figureRows(figures),
        weights: changes(looks).map(({ at, weight }) => [at, weight] as const),
        perSecond: perSecond(answers, { from: began, to: ended }),
      }),
    )
    if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`)
    else for (const line of closing(done, claims, figures, join(reports, 'rehearsal.html'))) screen.note(line)
    return passed ? 0 : 1
  } finally {
    screen.stop()
    interrupted.off()
    await stage.close()
  }
}

/** The embedded cluster starts in well under a second; one that does not within this time, ms, never will. */
const START = 30_000

const deployFirst = async (steps: Steps, digest: string): Promise<void> => {
  const { told, result } = await steps.start({
    id: 'first-deploy',
    action: 'deploy',
    run: 1000,
    inputs: {
      manifests: 'examples/support-router/manifests/production',
      values: `IMAGE=${REPOSITORY}@${digest}`,
      namespace: NAMES.production,
      timeout: '30s',
    },
  }).told
  if (told.code !== 0)
    throw new Fault(
      'upstream',
      `The first release could not be deployed to ${NAMES.production}: ${result.log.slice(-15).join('\n')}`,
    )
}

/** Two seconds of answers from the first release alone: only then can what follows be told from how it began. */
const steady = async ({ answers }: Load, label: string): Promise<void> => {
  const until = Date.now() + 20_000
  for (let good = 0; good < 20; ) {
    const from = answers.length
    await pause(100)
    const fresh = answers.slice(from)
    good = fresh.length > 0 && fresh.every((answer) => answer.release === label && !isFailed(answer)) ? good + 1 : 0
    if (Date.now() > until)
      throw new Fault(
        'upstream',
        `Production did not answer steadily within 20 s: ${answers.filter(isFailed).length} of ${answers.length} requests failed`,
      )
  }
}

const frameOf = (
  { stage, look, load }: { readonly stage: string; readonly look: Look | undefined; readonly load: Load | undefined },
  moments: readonly Moment[],
  began: number,
): Frame => {
  const answers = load?.answers ?? []
  return {
    elapsed: Date.now() - began,
    stage,
    sent: answers.length,
    ...recent(answers, Date.now()),
    look,
    moments,
    began,
  }
}
