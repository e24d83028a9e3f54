import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'

const FOLDER = join(import.meta.dirname, '../../.github/workflows')

type Step = { readonly uses?: string; readonly run?: string; readonly with?: Readonly<Record<string, unknown>> }
type Job = {
  readonly needs?: readonly string[]
  readonly if?: string
  readonly permissions?: unknown
  readonly 'timeout-minutes'?: number
  readonly uses?: string
  readonly steps?: readonly Step[]
  readonly strategy?: { readonly matrix?: { readonly node?: readonly number[] } }
}
type Workflow = { readonly permissions?: unknown; readonly jobs: Readonly<Record<string, Job>> }

const read = (name: string): Workflow => parse(readFileSync(join(FOLDER, name), 'utf8'))

describe.each(readdirSync(FOLDER).filter((name) => name.endsWith('.yml')))('%s', (name) => {
  const { permissions, jobs } = read(name)

  test('gives no permission to all jobs, and says for each job what it needs', () => {
    expect(permissions).toEqual({})
    for (const [id, job] of Object.entries(jobs)) expect(job.permissions, id).toBeTypeOf('object')
  })
  test('ends every job in time', () => {
    for (const [id, job] of Object.entries(jobs))
      if (job.uses === undefined) expect(job['timeout-minutes'], id).toBeGreaterThan(0)
  })
  test('puts no expression inside a script, and logic longer than five lines into no workflow', () => {
    for (const script of stepsOf(jobs).flatMap(({ run }) => (run === undefined ? [] : [run]))) {
      expect(script).not.toContain('${{')
      expect(script.trim().split('\n').length).toBeLessThanOrEqual(5)
    }
  })
  test('leaves no credentials in a checkout', () => {
    for (const { uses, with: given } of stepsOf(jobs)) {
      if (uses?.startsWith('actions/checkout@')) expect(given?.['persist-credentials']).toBe(false)
    }
  })
})

describe('project.yml', () => {
  const { jobs } = read('project.yml')

  test('has one job to require, which needs all others and fails when one of them did not succeed', () => {
    const others = Object.keys(jobs).filter((id) => id !== 'ci-ok')
    expect([...(jobs['ci-ok']?.needs ?? [])].sort()).toEqual(others.sort())
    expect(jobs['ci-ok']?.if).toBe('always()')
    expect(jobs['ci-ok']?.steps?.[0]?.run).toContain('[ "$result" = success ] || exit 1')
  })
  test('tests and rehearses on the oldest Node that may install and on the one that ships', () => {
    for (const [id, command] of [
      ['test', 'npm test'],
      ['rehearse', 'npm run rehearse'],
    ] as const) {
      expect(jobs[id]?.strategy?.matrix?.node).toEqual([20, 24])
      expect(jobs[id]?.steps?.at(-1)?.run).toBe(command)
    }
  })
})

const stepsOf = (jobs: Workflow['jobs']): readonly Step[] => Object.values(jobs).flatMap(({ steps = [] }) => steps)
