import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { evaluateText } from '@sluice/runner/language/evaluate'
import type { Job } from '../../scripts/workflow.ts'
import { folderWith } from '../scripts/folder.ts'
import { readWorkflow } from './house.ts'
import { planned, WELL, type World } from './world.ts'

/** A job as those that need it see it. */
export type Needed = { readonly result: string; readonly outputs: Readonly<Record<string, string>> }
/** One that was skipped. */
export const NONE: Needed = { result: 'skipped', outputs: {} }
/** Of a job whose needs did well. */
export const status = { success: true, failure: false, cancelled: false }
const at = { file: 'a.yml', line: 1, column: 1 }
/** The plan of a world, as a job hands it on. */
export const planOf = (world: Partial<World>): string => planned({ ...WELL, ...world }).plan ?? ''

/** A job of a published workflow. */
export const jobOf = (name: 'package' | 'scan', id: string): Job => {
  const job = readWorkflow(`.github/workflows/${name}.yml`).jobs[id]
  if (job === undefined) throw new Error(`${name}.yml has no job ${id}`)
  return job
}
/** A step of it, by its name. */
export const stepOf = (job: Job, name: string) => {
  const step = job.steps?.find((each) => each.name === name)
  if (step === undefined) throw new Error(`no step ${name}`)
  return step
}
/** What an expression gives. */
export const textOf = (value: unknown, contexts: object): string => {
  const source = /^\$\{\{([\s\S]*)\}\}$/.exec(String(value).trim())?.[1] ?? ''
  return evaluateText({ kind: 'expression', source, at }, { contexts: { ...contexts }, status })
}
/** What each of several gives. */
export const all = (map: Readonly<Record<string, unknown>> = {}, contexts: object): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(map).map(([name, value]) => [name, textOf(value, contexts)]))

/** Runs a step's script as the runner does, and gives what it put out and how it ended. */
export const bash = (script: string | undefined, env: Readonly<Record<string, string>>) => {
  const folder = folderWith({ 'script.sh': script ?? '', output: '' })
  const output = join(folder, 'output')
  const given = { PATH: process.env.PATH ?? '', GITHUB_OUTPUT: output, ...env }
  let code = 0
  let log = ''
  try {
    log = execFileSync('bash', ['-e', join(folder, 'script.sh')], { env: given, encoding: 'utf8', stdio: 'pipe' })
  } catch (error) {
    const {
      status: ended,
      stdout,
      stderr,
    } = error as Readonly<Record<'stdout' | 'stderr', string>> & { readonly status: number }
    code = ended
    log = stdout + stderr
  }
  const lines = readFileSync(output, 'utf8').split('\n')
  const outputs = Object.fromEntries(
    lines.filter((line) => line !== '').map((line) => line.split(/=(.*)/s).slice(0, 2)),
  )
  return { code, log, outputs: outputs as Readonly<Record<string, string>> }
}
