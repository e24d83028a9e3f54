import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Action } from '../actions.ts'
import { actionNamed } from '../actions.ts'
import type { RehearseOptions } from '../arguments.ts'
import { type Board, createBoard } from './board.ts'
import { type Claim, claimsOf } from './claims.ts'
import { closing, faultTitle, machineName } from './closing.ts'
import { figureRows, figuresOf } from './figures.ts'
import { artifactsOf } from './github.ts'
import { page } from './html.ts'
import { onInterrupt } from './interruption.ts'
import type { Load } from './load.ts'
import { changes, type Look, type Moment, recent } from './moments.ts'
import { type Opened, openForge } from './open.ts'
import { play } from './play.ts'
import { writeRecords } from './records.ts'
import type { Rehearsed } from './release.ts'
import { openScreen, type Screen } from './screen.ts'
import { findSubject } from './subject.ts'
import { isFailed, perSecond } from './traffic.ts'
import type { Frame } from './view.ts'

/** What a rehearsal knows of itself while it runs. */
type Now = { stage: string; look: Look | undefined; load: Load | undefined }

/**
 * Pushes releases of a repository through the real workflows in a local GitHub onto a cluster, shows it, writes the report, and gives the exit
 * code: 0 when every claim holds, 1 when one does not, 130 when it was interrupted. Whatever happens, no process, no temporary folder and no
 * namespace stays.
 */
export const rehearse = async (root: string, actions: readonly Action[], options: RehearseOptions): Promise<number> => {
  const began = Date.now()
  const defaults = actionNamed(actions, 'canary-promote').inputs.find(({ name }) => name === 'plan-defaults')?.default
  const subject = findSubject(
    { root, cwd: process.cwd(), given: options.repository },
    { service: options.service, act: options.act, defaults: defaults ?? '{}' },
  )
  const reports = resolve(options.report)
  for (const part of ['logs', 'runs', 'reports']) rmSync(join(reports, part), { recursive: true, force: true })
  mkdirSync(reports, { recursive: true })
  // What a report leaves in a user's repository is nobody's to commit.
  writeFileSync(join(reports, '.gitignore'), '*\n')
  const moments: Moment[] = []
  const looks: Look[] = []
  const board = createBoard(Date.now)
  const now: Now = {
    stage: options.cluster === undefined ? 'starting the embedded cluster' : 'setting up on the real cluster',
    look: undefined,
    load: undefined,
  }
  const mode = options.json ? 'silent' : options.live && process.stdout.isTTY ? 'live' : 'plain'
  const screen = openScreen({ mode, began }, () => frameOf(now, { moments, began, board }))
  const tell = (text: string, detail = ''): void => {
    const moment = { at: Date.now(), text, detail }
    moments.push(moment)
    screen.tell(moment)
  }
  const interrupted = onInterrupt()
  let opened: Opened | undefined
  const closed = async (): Promise<void> => {
    screen.stop()
    if (options.cluster !== undefined && opened !== undefined)
      screen.note(`Removing its namespaces from ${opened.stage.ground.title}.`)
    await opened?.stage.close()
    // Only now: a second Ctrl-C would leave what is not ended yet.
    interrupted.off()
  }
  try {
    const setting = openForge({ root, subject, options, board, screen, tell })
    const first = await Promise.race([setting.ready, interrupted.signal])
    if ('code' in first) {
      screen.note('Interrupted: ending what was started.')
      await setting.stop()
      return first.code
    }
    opened = first
    const playing = play(opened, options, {
      tell,
      at: (text) => {
        now.stage = text
      },
      see: (look) => {
        now.look = look
        if (look !== undefined) looks.push(look)
      },
      began: (load) => {
        now.load = load
      },
    })
    const outcome = await Promise.race([playing.then((done) => ({ done })), interrupted.signal])
    screen.stop()
    if ('code' in outcome) {
      screen.note('Interrupted: ending what was started.')
      return outcome.code
    }
    await now.load?.stop()
    const passed = tellResult(outcome.done, { reports, options, screen, began, moments, looks, now, opened })
    return passed ? 0 : 1
  } catch (thrown) {
    screen.stop()
    if (board.logs.size > 0) screen.note(`What the jobs said: ${join(reports, 'logs')}`)
    throw thrown
  } finally {
    // Whatever way it ended, what the jobs said is there to be read.
    writeRecords(reports, opened?.traces ?? [], board.logs, opened === undefined ? '' : artifactsOf(opened.stage))
    await closed()
  }
}

type Told = {
  readonly reports: string
  readonly options: RehearseOptions
  readonly screen: Screen
  readonly began: number
  readonly moments: readonly Moment[]
  readonly looks: readonly Look[]
  readonly now: Now
  readonly opened: Opened
}

/** Writes the report and shows the end; gives whether all claims hold. */
const tellResult = (
  { releases, claims: first }: { readonly releases: readonly Rehearsed[]; readonly claims: readonly Claim[] },
  { reports, options, screen, began, moments, looks, now, opened }: Told,
): boolean => {
  const answers = now.load?.answers ?? []
  const claims = [...first, ...releases.flatMap(({ facts }) => claimsOf(facts))]
  const passed = claims.every(({ ok }) => ok)
  const ended = Date.now()
  const figures = figuresOf(releases, answers, ended - began)
  const machine = machineName()
  const result = {
    schema: 'sluice.dev/rehearsal/v2',
    passed,
    service: opened.forge.subject.service,
    fault: options.fault,
    act: options.act,
    seed: options.seed,
    machine,
    startedAt: new Date(began).toISOString(),
    figures,
    claims,
    moments,
    releases: releases.map(({ facts }) => facts),
    // The first of them, to see at a glance when and how they failed.
    failures: answers.filter(isFailed).slice(0, 50),
  }
  const html = join(reports, 'rehearsal.html')
  writeFileSync(join(reports, 'rehearsal.json'), `${JSON.stringify(result, null, 2)}\n`)
  writeFileSync(
    html,
    page({
      title: `Sluice rehearsal of ${opened.forge.subject.service}: ${options.second ? '' : 'a good release, then '}${faultTitle(options)}`,
      passed,
      began,
      ended,
      machine,
      shortened: opened.said.join(' '),
      claims,
      moments,
      figures: figureRows(figures),
      weights: changes(looks).map(({ at, weight }) => [at, weight] as const),
      perSecond: perSecond(answers, { from: began, to: ended }),
      runs: opened.traces,
    }),
  )
  if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`)
  else for (const line of closing(releases, { claims, figures, report: html, advice: opened.advice })) screen.note(line)
  return passed
}

const frameOf = (
  { stage, look, load }: Now,
  { moments, began, board }: { readonly moments: readonly Moment[]; readonly began: number; readonly board: Board },
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
    jobs: board.rows(),
  }
}
