import { createHash } from 'node:crypto'
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import type { Job } from './jobs.ts'
import type { Done } from './worker.ts'

const ROOT = join(import.meta.dirname, '../../..')

/** A hash of every source that decides what a job comes to: the worker's, and what it imports of ours. */
export const sourcesHash = (): string => {
  const hash = createHash('sha256')
  for (const file of sources(join(import.meta.dirname, 'worker.ts'), new Set()))
    hash.update(`${relative(ROOT, file)}\n${readFileSync(file, 'utf8')}\n`)
  return hash.digest('hex').slice(0, 16)
}

const sources = (file: string, known: Set<string>): ReadonlySet<string> => {
  if (known.has(file)) return known
  known.add(file)
  for (const [, name = ''] of readFileSync(file, 'utf8').matchAll(/from '(\.[^']+|@sluice\/[^']+)'/g)) {
    const [, room, rest] = /^@sluice\/([^/]+)\/(.+)$/.exec(name) ?? []
    sources(
      room === undefined ? resolve(dirname(file), name) : join(ROOT, 'packages', room, 'src', `${rest}.ts`),
      known,
    )
  }
  return known
}

/** What is kept of a bench while it runs: a line a job, so that one that was broken off can go on. */
export type Checkpoint = { readonly path: string; readonly done: readonly Done[] }

/**
 * Opens a bench's file, or begins it anew.
 * @throws Error when it is to be resumed and was begun with other sources: the two cannot be one table
 */
export const openCheckpoint = (path: string, resume: boolean): Checkpoint => {
  const hash = sourcesHash()
  const lines = resume && existsSync(path) ? readFileSync(path, 'utf8').split('\n') : []
  if (lines.length === 0) {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, `${JSON.stringify({ sources: hash })}\n`)
    return { path, done: [] }
  }
  const [head = '{}', ...rest] = lines
  const { sources: begun } = JSON.parse(head) as { readonly sources?: string }
  if (begun !== hash)
    throw new Error(`${path} was begun with other sources (${begun}, now ${hash}): start anew, without --resume`)
  return { path, done: rest.flatMap(lineOf) }
}

/** Keeps a job. */
export const keepDone = ({ path }: Checkpoint, done: Done): void => appendFileSync(path, `${JSON.stringify(done)}\n`)

/** Which of the jobs are still to do. */
export const missingJobs = (jobs: readonly Job[], done: readonly Done[]): readonly Job[] => {
  const known = new Set(done.map(({ job }) => JSON.stringify(job)))
  return jobs.filter((job) => !known.has(JSON.stringify(job)))
}

/** A line that was cut short by the end of its process is no line. */
const lineOf = (line: string): readonly Done[] => {
  try {
    return line === '' ? [] : [JSON.parse(line) as Done]
  } catch {
    return []
  }
}
