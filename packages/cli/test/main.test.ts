import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

const run = (...args: string[]) =>
  spawnSync(process.execPath, [join(import.meta.dirname, '../src/main.ts'), ...args], { encoding: 'utf8' })

describe('the command line', () => {
  test('help lists every action and ends with 0', () => {
    const { status, stdout } = run('help')
    expect(status).toBe(0)
    expect(stdout).toMatch(/canary-promote.*\n[\s\S]*deploy[\s\S]*smoke-test/)
  })

  test('help of an action shows its inputs', () => {
    expect(run('help', 'deploy').stdout).toMatch(/--manifests/)
  })

  test('a mistake ends with 2 and says what was meant', () => {
    const { status, stderr, stdout } = run('reherse')
    expect(status).toBe(2)
    expect(stderr).toContain('did you mean "rehearse"?')
    expect(stdout).toBe('')
  })

  test('an action that finds its inputs wrong ends with its own code, its verdict among the outputs', () => {
    const { status, stdout } = run('smoke-test', '--from-source', '--url', 'nowhere', '--retries', 'many')
    expect(status).toBe(1)
    expect(stdout).toContain('retries')
    expect(stdout).toMatch(/^verdict=error$/m)
  })
})
