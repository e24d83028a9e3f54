import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { FaultName } from '../arguments.ts'

/** Requests in each second that the clients send, and how long they wait for an answer (ms). */
export const LOAD = { rate: 80, timeout: 5_000 } as const

/** How long stable and canary fail together (ms), and how long after the first canary weight that begins. */
export const OUTAGE = { length: 20_000, after: 1_000 } as const

/**
 * The canary plan of the rehearsal. At 80 requests/s a weight of 5 % is 4 canary requests/s, so 50 requests take 12.5 s: the default of 50
 * requests a step is kept, and the first hold is long enough for it. Everything else that is a matter of minutes is made one of seconds.
 */
export const PLAN = `steps:
  - { weight: 5, hold: 13s }
  - { weight: 25, hold: 3s }
  - { weight: 50, hold: 3s }
interval: 1s
metrics:
  - { name: errors, kind: ratio, max: 5% }
  - { name: slow, kind: latency, threshold: 500ms }
lease: 5s
drain: 2s
max-hold: 60s
ready-within: 12s
`

/** What of a real release is shortened, in one sentence. */
export const SHORTENED =
  'Shortened for the rehearsal: holds of 13, 3 and 3 s (10, 10 and 5 min), reads every 1 s (5 s), a lease of 5 s (60 s), drain 2 s (30 s), ready within 12 s (10 min), at most 60 s on hold (30 min). Kept: 5 → 25 → 50 %, at least 50 requests on each side in each step, false-rollback rate 1 %. Slow answers are compared with stable only: a busy laptop would break the absolute limit on both sides.'

/** A release of the example: what its processes run, and the digest it goes by. */
export type Release = {
  readonly label: string
  readonly digest: `sha256:${string}`
  readonly env: Readonly<Record<string, string>>
}

/** The repository part of the image references; nothing is ever pulled from it. */
export const REPOSITORY = 'registry.example/support-router'

/**
 * A release by the content of its folder and by what is set for it, so the same bytes have the same digest and another fault has another.
 * @param content hash of the folder
 */
export const releaseOf = (
  content: string,
  {
    label,
    fault,
    seed,
    outageFile,
  }: { readonly label: string; readonly fault: FaultName; readonly seed: number; readonly outageFile: string },
): Release => {
  const env = { RELEASE: label, FAULT: fault === 'outage' ? 'none' : fault, FAULT_SEED: String(seed) }
  const digest = createHash('sha256').update(content).update(JSON.stringify(env)).digest('hex')
  return { label, digest: `sha256:${digest}`, env: { ...env, OUTAGE_FILE: outageFile } }
}

/** SHA-256 over the paths and bytes of the folders and files that make up an image. */
export const contentOf = (root: string, parts: readonly string[]): string => {
  const hash = createHash('sha256')
  const files = parts.flatMap((part) => {
    const path = join(root, part)
    const entries = readdirSync(path, { withFileTypes: true, recursive: true })
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  })
  for (const file of files.sort())
    hash.update(relative(root, file)).update('\0').update(readFileSync(file)).update('\0')
  return hash.digest('hex')
}
