import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Progress, reader } from '../../src/build/progress.ts'

/**
 * What buildx 0.29 with BuildKit 0.25 wrote to stderr with `--progress rawjson`, lines as they were.
 * - failed-run: a step that writes colours, a progress bar, a workflow command, 30 lines and an error, and ends with 3
 * - checks: a Dockerfile with upper-case AS, MAINTAINER and `env`, of which BuildKit warns
 * - cache: two caches to read, of which one is not there and one not reached; two to write, of which one is not reached
 * - push: two names by digest, every step from a cache
 * - two-platforms: linux/amd64 and linux/386
 */
export const captured = (name: string): readonly string[] =>
  readFileSync(join(import.meta.dirname, 'captured', `${name}.txt`), 'utf8').split('\n')

/** All of it heard: what was logged, and what came of it. */
export const heard = (
  lines: readonly string[],
): { readonly logged: readonly string[]; readonly progress: Progress } => {
  const read = reader()
  return { logged: lines.flatMap((line) => read.heard(line)), progress: read.soFar() }
}

/** A line of a step, as buildx writes it. */
export const stepLine = (step: Readonly<Record<string, unknown>>): string =>
  JSON.stringify({ vertexes: [{ digest: 'sha256:1', name: '[1/1] RUN make', ...step }] })

/** A line of what a step writes. */
export const logLine = (text: string | Uint8Array, vertex = 'sha256:1'): string =>
  JSON.stringify({ logs: [{ vertex, stream: 1, data: Buffer.from(text).toString('base64') }] })

export const STARTED = '2026-11-22T07:11:27.177642498Z'
export const COMPLETED = '2026-11-22T07:11:31.677642498Z'
