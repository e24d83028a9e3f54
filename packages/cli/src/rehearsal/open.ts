import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readSluiceFile } from '@sluice/delivery/file'
import { planFor } from '@sluice/delivery/plan'
import { Fault } from '@sluice/kit/faults'
import type { RunTrace } from '@sluice/runner/trace'
import type { RehearseOptions } from '../arguments.ts'
import type { Board } from './board.ts'
import { type Builder, findBuilder } from './builder.ts'
import { type Callers, callersOf } from './callers.ts'
import { tryStart } from './dry-start.ts'
import { publishedFromSource, startGitHub } from './github.ts'
import type { Ground } from './ground.ts'
import { type BuiltHere, madeOutFor } from './image-parts.ts'
import { toldBy } from './job-moments.ts'
import { pause } from './pause.ts'
import { LOAD, type Release } from './plan.ts'
import { registryProgram } from './registry.ts'
import type { Forge } from './release.ts'
import { makeRepository } from './repository.ts'
import { builtBy } from './run-facts.ts'
import type { Screen } from './screen.ts'
import { type Shortened, shortened } from './shortened.ts'
import { type Stage, setStage } from './stage.ts'
import type { Subject } from './subject.ts'

/** A rehearsal that is set up: the cluster, and the local GitHub with the temporary repository. */
export type Opened = {
  readonly stage: Stage
  readonly forge: Forge
  /** The traces of the runs that have ended, in that order. */
  readonly traces: readonly RunTrace[]
  /** What is other than in life, a sentence each. */
  readonly said: readonly string[]
  /** The reviewer, who is asked before production. */
  readonly review: Review
  /** A caller to add to a repository that has none; empty where there is one. */
  readonly advice: string
}

/** `after`: the next answers come only when this is done, however it ends. */
export type Review = { after(before: Promise<unknown>): void }

type Asked = {
  readonly root: string
  readonly subject: Subject
  readonly options: RehearseOptions
  readonly board: Board
  readonly screen: Screen
  tell(text: string, detail?: string): void
}

/** An embedded cluster and the local GitHub start in about a second, a real one takes images first; what is not there within this time, ms, never will be. */
const START = 90_000
const START_REAL = 240_000
/** How long what is under way may take to notice that nobody wants it any more, ms; what it made can only be removed then. */
const UNWIND = 30_000

/** Sets a rehearsal up. `stop` ends what was started when nobody wants it any more, finished or not. */
export const openForge = (asked: Asked): { readonly ready: Promise<Opened>; stop(): Promise<void> } => {
  let stage: Stage | undefined
  const stopped = new AbortController()
  const open = async (): Promise<Opened> => {
    const { options, root, screen, tell } = asked
    const { subject: found } = asked
    for (const line of introduction(asked)) screen.note(line)
    const builder = options.docker ? await builderFor(asked) : undefined
    if (stopped.signal.aborted) throw new Fault('upstream', 'Stopped')
    const took = found.kind === 'own' && found.start !== undefined ? await tried(found, tell, stopped.signal) : 0
    if (stopped.signal.aborted) throw new Fault('upstream', 'Stopped')
    stage = await setStage(root, found, { ...options, builder })
    if (stopped.signal.aborted) throw new Fault('upstream', 'Stopped')
    const { title, repository, patience } = stage.ground
    const subject = { ...found, repository }
    const callers = callersOf(workflowsOf(subject), {
      service: subject.service,
      branch: 'main',
      publisher: publisherOf(root),
      builds: builder !== undefined,
      packaged: subject.packaged,
    })
    const { docker } = stage
    // The example's image gets the fault of each release; a user's is what its own Dockerfile makes of the commit.
    const textFor = (env: Release['env']): Shortened =>
      shortened(subject.text, {
        service: subject.service,
        environments: [subject.staging, subject.production].flatMap((one) => (one === null ? [] : [one.environment])),
        plan: subject.plan,
        front: subject.kind === 'own' ? subject.start?.port : undefined,
        // A service that starts slowly is given three times what it took when nothing else ran.
        readyWithin: Math.max(patience.ready, Math.ceil((3 * took) / 1000)),
        lease: patience.lease,
        ...(repository === found.repository ? {} : { repository }),
        ...(subject.kind === 'example' ? { report: STORED_REPORT } : {}),
        ...(docker === undefined ? {} : { build: buildOf(subject, docker, env) }),
      })
    const { text, said: changed } = textFor(stage.releases.first.env)
    const said = [...callers.said, ...(docker === undefined ? [] : [buildsWith(stage.ground, docker)]), ...changed]
    for (const line of said) screen.note(line)
    const each = (release: Release): Readonly<Record<string, string>> =>
      docker === undefined ? reportFor(subject, text, release) : { 'sluice.yml': textFor(release.env).text }
    const forge = await forgeOf({ ...asked, subject }, { stage, callers, text, each })
    tell(`${title.replace(/^an /, 'the ')} and the local GitHub are up`)
    return { stage, ...forge, said: [...introduction(asked), ...said], advice: callers.advice }
  }
  const opening = open()
  return {
    ready: within(asked.options.cluster === undefined && !asked.options.docker ? START : START_REAL, opening),
    stop: async () => {
      stopped.abort()
      await Promise.race([opening.catch(() => undefined), pause(UNWIND)])
      await stage?.close()
    },
  }
}

const forgeOf = async (
  { root, subject, options, board, tell }: Asked,
  {
    stage,
    callers,
    text,
    each,
  }: {
    readonly stage: Stage
    readonly callers: Callers
    readonly text: string
    readonly each: (release: Release) => Readonly<Record<string, string>>
  },
): Promise<Pick<Opened, 'forge' | 'traces' | 'review'>> => {
  const folder = join(stage.directory, 'repository')
  mkdirSync(folder)
  const repository = makeRepository(subject.folder, folder, {
    files: subject.files,
    instead: { ...callers.files, 'sluice.yml': text },
    each,
    branch: callers.branch,
  })
  const traces: RunTrace[] = []
  const pushed = new Map<number, Release>()
  let before: Promise<unknown> = Promise.resolve()
  const platform = await startGitHub({
    stage,
    subject,
    callers,
    root,
    repository: folder,
    published: options.fromSource ? publishedFromSource(root, join(stage.directory, 'published')) : root,
    approve: async ({ environment, run }) => {
      await before
      const answer = options.act === 'refuse' && run > 1 ? 'rejected' : 'approved'
      tell(`the reviewer of ${environment} says ${answer === 'approved' ? 'yes' : 'no'}`, `run ${run}`)
      return answer
    },
    on: (happening) => {
      board.hear(happening)
      if (happening.kind === 'job-ended') {
        const told = toldBy(happening.job)
        if (told !== undefined) tell(told.text, `${told.detail}; run ${happening.run}`)
        const [release, digest] = [pushed.get(happening.run), builtBy(happening.job)]
        if (release?.digest === '' && digest !== undefined) stage.ground.built({ ...release, digest })
      }
      if (happening.kind === 'run-ended') traces.push(happening.run)
    },
  })
  const review: Review = {
    after: (wanted) => {
      before = wanted.catch(() => undefined)
    },
  }
  const { scan } = planFor(readSluiceFile(text, 'sluice.yml'), { service: subject.service, event: 'push' })
  return { forge: { subject, callers, repository, platform, pushed, gated: scan.any }, traces, review }
}

/** Looks for all that building needs, before anything is started. @throws Fault('input') with what is missing */
const builderFor = async ({ subject, options }: Asked): Promise<Builder> => {
  if (subject.kind === 'own' && !subject.packaged)
    throw new Fault(
      'input',
      `--with-docker: sluice.yml does not say how the image of ${subject.service} is built`,
      'Add package: {} to the service, which builds the Dockerfile of its folder; every key is in the README of delivery-plan.',
    )
  if (options.registry === undefined && options.cluster === undefined) registryProgram(process.env)
  return findBuilder(process.env)
}

const buildOf = (
  { kind }: Subject,
  { builder, base }: NonNullable<Stage['docker']>,
  env: Release['env'],
): BuiltHere => ({
  platform: builder.platform,
  ...(kind === 'own'
    ? {}
    : {
        instead: {
          dockerfile: 'rehearsal/Dockerfile',
          args: { ...env, ...(base === undefined ? {} : { BASE: base }) },
        },
      }),
})

const buildsWith = ({ registry }: Ground, { builder, base }: NonNullable<Stage['docker']>): string =>
  `Images are built by docker buildx (builder ${builder.name}, driver ${builder.driver}) and pushed to ${registry?.said ?? 'a registry'}${base === undefined ? '' : "; their base is an image of this machine's Node"}.`

/** What the example keeps for its scan, relative to its folder: no scanner is needed to see the gate decide. */
const STORED_REPORT = 'rehearsal/trivy.json'

/** The report that stands for the scan of a release's image, by its path; nothing where the gate reads none. */
const reportFor = (
  { folder, repository, service }: Subject,
  text: string,
  { digest }: Release,
): Readonly<Record<string, string>> => {
  const { report } = planFor(readSluiceFile(text, 'sluice.yml'), { service, event: 'push' }).scan
  const path = join(folder, report)
  return report === '' || !existsSync(path)
    ? {}
    : { [report]: madeOutFor(`${repository}@${digest}`, readFileSync(path, 'utf8')) }
}

/** The first lines of a rehearsal: what is real in it and what is not. */
const introduction = ({ subject, options }: Asked): readonly string[] => [
  `A rehearsal of ${subject.service} on this machine: ${subject.folder} as a temporary repository, the real workflows in a local GitHub, the actions' real ${options.fromSource ? 'sources' : 'bundles'}, ${options.cluster === undefined ? 'an embedded cluster' : 'a real cluster with its own registry and gateway'}, ${LOAD.rate} requests/s.`,
  ...(subject.kind === 'own' && subject.start !== undefined
    ? [
        `Nothing in your folder is changed; the report is the only thing that is added. The image is your folder's own \`${subject.start.run}\`, started in it for every pod, behind a process that counts requests for canary-promote and does wrong what the second release is to do wrong.`,
      ]
    : []),
]

const workflowsOf = ({ folder, files }: Subject): Readonly<Record<string, string>> =>
  Object.fromEntries(
    files
      .filter((path) => /^\.github\/workflows\/[^/]+\.ya?ml$/.test(path))
      .map((path) => [path, readFileSync(join(folder, path), 'utf8')]),
  )

/** Who publishes the workflows, as the example of this checkout names it. */
const publisherOf = (root: string): string => {
  const text = readFileSync(join(root, 'examples/support-router/.github/workflows/deliver.yml'), 'utf8')
  return /uses: ([^/\s]+\/[^/\s]+)\/\.github\/workflows\/deliver\.yml@/.exec(text)?.[1] ?? 'OWNER/sluice'
}

const tried = async ({ start, home }: Subject, tell: Asked['tell'], stopped: AbortSignal): Promise<number> => {
  if (start === undefined) return 0
  tell(`trying the service: ${start.run}`)
  const took = await tryStart(start, home, stopped)
  tell('the service starts and is ready', `${(took / 1000).toFixed(1)} s`)
  return took
}

/** @throws Fault('upstream') when it takes longer than so many ms */
const within = async <T>(limit: number, setting: Promise<T>): Promise<T> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Fault('upstream', `The cluster and the local GitHub were not ready within ${limit / 1000} s`)),
      limit,
    )
  })
  try {
    return await Promise.race([setting, late])
  } finally {
    clearTimeout(timer)
  }
}
