import { describe, expect, test } from 'vitest'
import { readWorkflow } from './house.ts'

describe('project.yml', () => {
  const { jobs } = readWorkflow('.github/workflows/project.yml')

  test('has one job to require, which needs all others and fails when one of them did not succeed', () => {
    const others = Object.keys(jobs).filter((id) => id !== 'ci-ok')
    expect([jobs['ci-ok']?.needs ?? []].flat().sort()).toEqual(others.sort())
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
