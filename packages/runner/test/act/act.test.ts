import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findAct, pushToAct } from './act.ts'
import { pushToOurs } from './ours.ts'
import type { Seen } from './seen.ts'

const ROOT = join(import.meta.dirname, '../../../..')
const secrets = { TOKEN: 'four' }
const home = mkdtempSync(join(tmpdir(), 'sluice-act-'))
let absent = ''
let theirs: Seen | undefined
let ours: Seen | undefined

beforeAll(async () => {
  const act = await findAct(ROOT)
  if ('absent' in act) {
    absent = act.absent
    return
  }
  const folder = join(home, 'repository')
  cpSync(join(import.meta.dirname, 'repository'), folder, { recursive: true })
  const git = (...args: readonly string[]) =>
    execFileSync('git', ['-C', folder, '-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args])
  git('init', '-q', '-b', 'main')
  git('remote', 'add', 'origin', 'https://github.com/acme/shop.git')
  git('add', '-A')
  git('commit', '-q', '-m', 'First')
  const given = { folder, secrets }
  ;[theirs, ours] = await Promise.all([
    pushToAct(act.binary, { ...given, home: join(home, 'act') }),
    pushToOurs({ ...given, home: join(home, 'ours') }),
  ])
}, 180_000)

afterAll(() => rmSync(home, { recursive: true, force: true }))

describe('the same push under act and here', () => {
  test.for<readonly [string, (seen: Seen) => readonly string[], number]>([
    ['ends each job the same', ({ jobs }) => jobs, 20],
    ['runs the same steps to the same ends', ({ steps }) => steps, 40],
    ['lets steps see the same values', ({ said }) => said.filter((line) => /^\S+ RESULT /.test(line)), 40],
    ['gives the same outputs to the jobs that need them', ({ said }) => said.flatMap(needsIn), 6],
    ['keeps the same summaries', ({ summaries }) => summaries.map((text) => text.trim()), 2],
  ])('%s', ([, part, atLeast], { skip }) => {
    if (theirs === undefined || ours === undefined) return skip(absent)
    expect(part(ours).length).toBeGreaterThanOrEqual(atLeast)
    expect(sorted(part(ours))).toEqual(sorted(part(theirs)))
  })
})

/** What a job was told of those that it needs. act says null where GitHub says that there are no outputs. */
const needsIn = (line: string): readonly string[] => {
  const [, job, needs] = /^(\S+) NEEDS (.*)$/.exec(line) ?? []
  return needs
    ? [`${job} ${JSON.stringify(ordered(JSON.parse(needs.replaceAll('"outputs": null', '"outputs": {}'))))}`]
    : []
}

const ordered = (value: unknown): unknown =>
  value !== null && typeof value === 'object'
    ? Object.fromEntries(
        Object.entries(value)
          .map(([key, item]) => [key, ordered(item)] as const)
          .toSorted(),
      )
    : value

const sorted = (lines: readonly string[]): readonly string[] => lines.toSorted()
