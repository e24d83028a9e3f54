import { eventIn, type Status, type Vertex, type Warning } from './rawjson.ts'
import type { Clean } from './redact.ts'
import { lasting, readable, short } from './text.ts'

export type { Warning } from './rawjson.ts'

/** One step of the Dockerfile, or another that failed. `log`: the last lines that it wrote. */
export type Step = {
  readonly name: string
  readonly cached: boolean
  readonly ms: number
  readonly error?: string
  readonly log: readonly string[]
}

/** The steps of one stage for one platform, with the time that they took, one after the other, ms. `name` `''`: the only stage, which has none. */
export type Stage = { readonly name: string; readonly ms: number; readonly steps: number; readonly cached: number }

/** What a call of buildx did. Times are ms. */
export type Progress = {
  readonly steps: readonly Step[]
  /** The share of the Dockerfile's steps, base images aside, that were not done again, 0 to 1; `undefined` where there are none. */
  readonly cachedShare: number | undefined
  readonly stages: readonly Stage[]
  readonly warnings: readonly Warning[]
  /** Making the image, and pushing it. */
  readonly exportingMs: number
  /** Of that, the layers on their way to the registries. */
  readonly pushingMs: number
  /** Writing the cache. */
  readonly cacheMs: number
  /** Why a cache was not read or not written, which fails no build; one that is not there yet is no reason. */
  readonly cacheProblems: readonly string[]
  /** The last lines that were no events, such as the error at the end. */
  readonly said: readonly string[]
}

/** Reads what buildx writes, line by line. What it holds is bounded, whatever is written. */
export type Reader = {
  /** @returns the lines to log: a step that begins, what it writes, how it ended */
  heard(line: string): readonly string[]
  /** What is under way, for a sign of life; `''` for nothing. */
  current(): string
  soFar(): Progress
  /** Grows with everything that shows that something is done, and not with what only says that it is still under way. */
  moves(): number
  /** When the last step of the Dockerfile ended, by the builder's clock, ms UTC; `undefined` where nothing did. */
  lastEnd(): number | undefined
  /** The steps of the Dockerfile that were begun after this time and not found in the cache, base images aside. @param since by the builder's clock, ms UTC */
  ranSince(since: number): readonly string[]
  /** What is left to log once it has ended. */
  end(): readonly string[]
}

/** How it is read. */
export type Reading = {
  /** For everything that anybody may read afterwards. */
  readonly clean?: Clean
  /** Whether all of it was built before: then steps that come from the cache are but counted. */
  readonly again?: boolean
}

/** Steps that are told of; of more, nothing is kept. */
const MOST_STEPS = 3000
/** The lines of a step that are logged; the rest of them is left to its last lines. BuildKit itself stops after 2 MiB. */
const MOST_LINES = 5000
const MOST_WARNINGS = 200
const TAIL = 20
const SAID = 200
const LONGEST_NAME = 200
const LONGEST_LINE = 2000
/** Of a line that has not ended, so much is kept that a secret in it is still whole. */
const LONGEST_REST = 8 * 1024
const LONGEST_KEPT = 500
const LONGEST_ERROR = 4000

const LINE_END = new TextEncoder().encode('\n')

type Seen = Vertex & {
  readonly number: number
  readonly told: 'nothing' | 'begun' | 'ended' | 'begun again' | 'from the build'
  readonly lines: number
  readonly tail: readonly string[]
  readonly rest: string
  readonly decoder: InstanceType<typeof TextDecoder> | undefined
}

/** Begins to read what one call of buildx writes. */
export const reader = ({ clean = (text) => text, again = false }: Reading = {}): Reader => {
  const seen = new Map<string, Seen>()
  const pushes = new Map<string, Status>()
  const warnings = new Map<string, Warning>()
  const said: string[] = []
  const statuses = new Map<string, string>()
  let numbered = 0
  let moves = 0
  let fromBuild = 0
  let counted = !again

  const vertex = (one: Vertex): readonly string[] => {
    const before = seen.get(one.digest)
    if (before === undefined && seen.size >= MOST_STEPS) return []
    const name = readable(clean(one.name), LONGEST_NAME)
    const error = readable(clean(one.error).replace(/[\r\n]+/g, ' '), LONGEST_ERROR)
    if (before?.started !== one.started || before?.completed !== one.completed) moves++
    const now: Seen = {
      ...(before ?? fresh(one)),
      ...one,
      name,
      error,
      cached: one.cached || before?.cached === true,
    }
    // Numbered as they are told: BuildKit names them from the last to the first.
    const number = now.number === 0 ? numbered + 1 : now.number
    const { lines, told } = again ? tellAgain({ ...now, number }) : tell({ ...now, number })
    if (told === 'from the build' && now.told !== told && isOwn(name)) fromBuild++
    const isTold = told !== 'nothing' && told !== 'from the build'
    if (isTold && now.number === 0) numbered++
    seen.set(one.digest, { ...now, told, number: isTold ? number : now.number })
    // What it wrote last may have no end of line.
    const rest = told === 'ended' && now.rest !== '' ? log(one.digest, LINE_END) : []
    return [...rest, ...(/^exporting to /.test(name) ? count() : []), ...lines]
  }

  /** How many came from the cache, said once: before what is made of them. */
  const count = (): readonly string[] => {
    if (counted) return []
    counted = true
    return fromBuild === 0 ? [] : [`${fromBuild} ${fromBuild === 1 ? 'step' : 'steps'} from the build`]
  }

  const log = (digest: string, data: Uint8Array): readonly string[] => {
    const step = seen.get(digest)
    if (step === undefined) return []
    const decoder = step.decoder ?? new TextDecoder()
    const parts = `${step.rest}${decoder.decode(data, { stream: true })}`.split('\n')
    const rest = clean(parts.pop() ?? '').slice(-LONGEST_REST)
    const written = parts.map((part) => readable(clean(part), LONGEST_LINE)).filter((part) => part.trim() !== '')
    const tail = [...step.tail, ...written.slice(-TAIL).map((line) => short(line, LONGEST_KEPT))].slice(-TAIL)
    const begins = step.number === 0 && written.length > 0
    const number = begins ? ++numbered : step.number
    const told = begins ? 'begun' : step.told
    seen.set(digest, { ...step, decoder, rest, tail, number, told, lines: step.lines + written.length })
    moves++
    const room = Math.max(0, MOST_LINES - step.lines)
    const over = written.length > room && step.lines <= MOST_LINES
    return [
      ...(begins ? [`#${number} ${step.name}`] : []),
      ...written.slice(0, room).map((line) => `#${number} | ${line}`),
      ...(over ? [`#${number} | … more than ${MOST_LINES} lines: no more of them here`] : []),
    ]
  }

  const plain = (line: string): readonly string[] => {
    const read = readable(clean(line), LONGEST_LINE)
    if (read.trim() === '') return []
    said.push(read)
    if (said.length > SAID) said.shift()
    return [read]
  }

  return {
    heard(line) {
      const event = eventIn(line)
      if (event === undefined) return line.startsWith('{"') && line.length > LONGEST_LINE ? [] : plain(line)
      const lines = event.vertexes.flatMap(vertex)
      for (const status of event.statuses) {
        const [key, now] = [`${status.vertex} ${status.id}`, `${status.current}/${status.total} ${status.completed}`]
        if (statuses.get(key) !== now) moves++
        if (statuses.size < MOST_STEPS || statuses.has(key)) statuses.set(key, now)
        if (/^pushing /.test(status.id) && (pushes.size < MOST_STEPS || pushes.has(status.id)))
          pushes.set(status.id, status)
      }
      for (const warning of event.warnings)
        if (warnings.size < MOST_WARNINGS && warning.text !== '')
          warnings.set(`${warning.file}:${warning.line} ${warning.text}`, {
            ...warning,
            text: clean(warning.text),
            url: clean(warning.url),
          })
      return [...lines, ...event.logs.flatMap(({ vertex: digest, data }) => log(digest, data))]
    },
    current() {
      const open = [...seen.values()].filter(
        ({ started, completed }) => started !== undefined && completed === undefined,
      )
      const more = open.length > 2 ? ` and ${open.length - 2} more` : ''
      return open.length === 0
        ? ''
        : `${open
            .slice(0, 2)
            .map(({ name }) => name)
            .join(', ')}${more}`
    },
    soFar: () => progressOf([...seen.values()].reverse(), [...pushes.values()], [...warnings.values()], [...said]),
    moves: () => moves,
    lastEnd: () =>
      [...seen.values()].reduce<number | undefined>(
        // buildx has steps of its own, by another clock.
        (last, { name, completed }) =>
          completed === undefined || completed < (last ?? 0) || !NUMBERED.test(name) ? last : completed,
        undefined,
      ),
    ranSince(since) {
      const steps = [...seen.values()].filter(({ name, completed }) => isOwn(name) && completed !== undefined)
      // ADD looks at its address each time, under the name of the step: what counts is whether the step itself was in the cache.
      return [...Map.groupBy(steps, ({ name }) => name)]
        .filter(([, same]) => same.every(({ cached, started }) => !cached && (started ?? 0) > since))
        .map(([name]) => name)
        .reverse()
    },
    end: count,
  }
}

const fresh = (one: Vertex): Seen => ({
  ...one,
  number: 0,
  told: 'nothing',
  lines: 0,
  tail: [],
  rest: '',
  decoder: undefined,
})

/** What goes without saying: quick, of no interest to whoever wrote the Dockerfile, and begun twice by BuildKit. */
const isQuiet = ({ name }: Vertex): boolean => /^\[(\S{1,100} )?(internal|auth)\]|^resolving provenance /.test(name)
const isCache = ({ name }: Vertex): boolean => /^(importing|exporting) cache/.test(name)
const QUIET_MS = 5000

/** A step is told when it begins and when it ends. BuildKit may look something up first, as a step begun and done, before it begins the same again: that is told only where it takes long. */
const tell = (now: Seen): { readonly lines: readonly string[]; readonly told: Seen['told'] } => {
  const { number, name, started, completed, cached, error, told } = now
  if (started === undefined) return { lines: [], told }
  if (told === 'ended' && completed === undefined) return { lines: [], told: 'begun again' }
  if (told === 'ended') return { lines: [], told }
  const begin = told === 'nothing' ? [`#${number} ${name}`] : []
  const quiet = isQuiet(now) || told === 'begun again'
  if (completed === undefined) return quiet ? { lines: [], told } : { lines: begin, told: 'begun' }
  if (error !== '') {
    const what = isCache(now) ? 'left out' : isCancelled(error) ? 'broken off' : 'failed'
    return { lines: [...begin, `#${number} ${what}: ${short(error, LONGEST_KEPT)}`], told: 'ended' }
  }
  if (cached && told !== 'begun again')
    return { lines: [told === 'begun' ? `#${number} cached` : `#${number} ${name}: cached`], told: 'ended' }
  const ms = Math.max(0, completed - started)
  if (quiet && ms < QUIET_MS) return { lines: [], told: told === 'begun again' ? 'ended' : told }
  return { lines: [...begin, `#${number} done, ${lasting(ms)}`], told: 'ended' }
}

/** What was built before is told when it ends, as most of it is in the cache, and a base image only where it takes long. */
const tellAgain = (now: Seen): { readonly lines: readonly string[]; readonly told: Seen['told'] } => {
  const { name, started, completed, cached, error, told } = now
  // The image of a COPY --from has no number.
  if (!/^FROM /.test(name) && !NUMBERED.test(name)) return tell(now)
  if (completed === undefined || started === undefined || told === 'from the build') return { lines: [], told }
  if (cached && error === '' && told === 'nothing') return { lines: [], told: 'from the build' }
  if (error === '' && !isOwn(name) && completed - started < QUIET_MS) return { lines: [], told }
  return tell(now)
}

const isCancelled = (error: string): boolean => /context canceled$/.test(error)
const tookOf = ({ started, completed }: Pick<Vertex, 'started' | 'completed'>): number =>
  started === undefined || completed === undefined ? 0 : Math.max(0, completed - started)
const sum = (all: readonly number[]): number => all.reduce((total, one) => total + one, 0)

/** A step of the Dockerfile: `[2/3] RUN …`, with its platform and its stage before the numbers where there are several. */
const NUMBERED = /^\[(?:([^\]]{1,150}) )?\d{1,5}\/\d{1,5}\] (\S*)/

/** A step that does something: a base image is nothing that is built. */
const isOwn = (name: string): boolean => {
  const found = NUMBERED.exec(name)
  return found !== null && found[2] !== 'FROM'
}

/** @param all in their own order, which is the other way round than BuildKit tells of them: first what is wanted, then what it needs */
const progressOf = (
  all: readonly Seen[],
  pushes: readonly Status[],
  warnings: readonly Warning[],
  said: readonly string[],
): Progress => {
  const done = all.filter((one) => NUMBERED.test(one.name) && one.completed !== undefined)
  const failed = all.filter((one) => !NUMBERED.test(one.name) && one.error !== '' && !isCache(one))
  const own = done.filter(({ name }) => isOwn(name))
  const stages = Map.groupBy(done, ({ name }) => NUMBERED.exec(name)?.[1] ?? '')
  return {
    steps: [...done, ...failed].map(stepOf),
    cachedShare: own.length === 0 ? undefined : own.filter(({ cached }) => cached).length / own.length,
    stages: [...stages].map(([name, steps]) => ({
      name,
      ms: sum(steps.map(msOf)),
      steps: steps.length,
      cached: steps.filter(({ cached }) => cached).length,
    })),
    warnings,
    exportingMs: sum(all.filter(({ name }) => /^exporting to /.test(name)).map(tookOf)),
    pushingMs: sum(pushes.map(tookOf)),
    cacheMs: sum(all.filter(({ name }) => /^exporting cache/.test(name)).map(tookOf)),
    cacheProblems: all.filter(isProblem).map(({ name, error }) => `${name}: ${error}`),
    said,
  }
}

/** A cache that is not there yet is none. */
const isProblem = (one: Seen): boolean =>
  isCache(one) && one.error !== '' && !(one.name.startsWith('importing') && /: not found$/.test(one.error))

const msOf = (one: Seen): number => (one.cached ? 0 : tookOf(one))
const stepOf = (one: Seen): Step => ({
  name: one.name,
  cached: one.cached,
  ms: msOf(one),
  ...(one.error === '' ? {} : { error: one.error }),
  log: one.rest.trim() === '' ? one.tail : [...one.tail, readable(one.rest, LONGEST_KEPT)].slice(-TAIL),
})
