import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { PLAN, SETTINGS, settingsText } from './manifests.ts'
import type { Measured } from './measured.ts'
import type { Counts, Turn } from './scenes.ts'

/** One round as it is kept: what it came to, when, of which commit, how busy the machine was (load of the minute before), and the seconds it took in all. */
export type Kept = Turn &
  Measured & { readonly at: string; readonly commit: string; readonly load: number; readonly took: number }

/**
 * The file of a race. `trial`: made to see that it works, its figures say nothing. `settings`: a hash of all settings files; `lanes`: rounds at a time.
 * `remark`: what else a reader has to know.
 */
export type Results = {
  readonly schema: 'sluice.dev/bench-rollback/v1'
  readonly trial: boolean
  readonly machine: string
  readonly versions: Readonly<Record<string, string>>
  readonly settings: string
  readonly bundle: string
  readonly asked: Counts
  readonly lanes: number
  readonly remark?: string
  readonly rounds: readonly Kept[]
}

/** What a race is begun with. */
export type Given = Omit<Results, 'schema' | 'rounds' | 'settings'>

/** A hash of every tool's settings, to the letter. */
export const settingsHash = (): string => {
  const files = [...new Set([...Object.values(SETTINGS).flat(), PLAN])]
  const hash = createHash('sha256')
  for (const file of files) hash.update(`${file}\n${settingsText(file)}`)
  return hash.digest('hex').slice(0, 16)
}

/** A race's file, or a new one. @throws Error when the one that is there was begun on another machine or with other settings: the two cannot be one table */
export const resultsAt = (path: string, given: Given): Results => {
  const fresh: Results = { schema: 'sluice.dev/bench-rollback/v1', ...given, settings: settingsHash(), rounds: [] }
  const kept = readResults(path)
  if (kept === undefined) return fresh
  const differs = (['trial', 'machine', 'versions', 'settings', 'bundle', 'lanes'] as const).filter(
    (key) => JSON.stringify(kept[key]) !== JSON.stringify(fresh[key]),
  )
  if (differs.length > 0)
    throw new Error(
      `${path} is of another race: ${differs.join(', ')} differ. Move it away, or name another folder with --out`,
    )
  return { ...kept, asked: given.asked, ...(given.remark === undefined ? {} : { remark: given.remark }) }
}

/** A race's file as it is; `undefined` when there is none. */
export const readResults = (path: string): Results | undefined =>
  existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Results) : undefined

/** Writes the file as a whole, so that a race that is killed leaves the round before. */
export const keep = (path: string, results: Results): void => {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(`${path}.new`, `${JSON.stringify(results, null, 1)}\n`)
  renameSync(`${path}.new`, path)
}
