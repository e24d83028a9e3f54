import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { ReleaseAsked } from './ground.ts'

/** Requests in each second that the clients send, and how long they wait for an answer (ms). */
export const LOAD = { rate: 80, timeout: 5_000 } as const

/** How long stable and canary fail together (ms), and how long after the first canary weight that begins. */
export const OUTAGE = { length: 20_000, after: 1_000 } as const

/** A release: what is set for its processes, and the digest it goes by; empty until it is built. */
export type Release = {
  readonly label: string
  readonly digest: string
  readonly env: Readonly<Record<string, string>>
}

/**
 * A release by the content of its folder and by what is set for it, so the same bytes have the same digest and another fault has another.
 * @param content hash of the folder
 */
export const releaseOf = (content: string, asked: ReleaseAsked): Release => {
  const env = envOf(asked)
  const digest = createHash('sha256').update(content).update(JSON.stringify(env)).digest('hex')
  return { label: asked.label, digest: `sha256:${digest}`, env }
}

/** What is set for the processes of a release. */
export const envOf = ({ label, fault, seed }: ReleaseAsked): Release['env'] => ({
  RELEASE: label,
  FAULT: fault === 'outage' ? 'none' : fault,
  FAULT_SEED: String(seed),
})

/** SHA-256 over the paths and bytes of files, relative to a folder: what stands for an image's content. */
export const contentOf = (folder: string, files: readonly string[]): string => {
  const hash = createHash('sha256')
  for (const file of [...files].sort())
    if (statSync(join(folder, file)).isFile())
      hash
        .update(file)
        .update('\0')
        .update(readFileSync(join(folder, file)))
        .update('\0')
  return hash.digest('hex')
}
