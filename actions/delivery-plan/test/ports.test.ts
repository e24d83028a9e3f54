import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import * as z from 'zod/mini'
import { inputs } from '../src/inputs.ts'
import { lookAt } from '../src/ports/environments.ts'
import { folderBeside, keepRelease, readText } from '../src/ports/files.ts'
import { PROTECTED, REVIEWED, type Says, startGitHub } from './github.ts'

const TOKEN = 'ghs_token'
const NAMES = ['production-approval', 'production']
const REPOSITORY = { GITHUB_REPOSITORY: 'acme/shop' }

describe('looking at environments', () => {
  const looked = async (says: Says) => {
    const github = await startGitHub(says)
    try {
      return await lookAt(NAMES, TOKEN, { ...REPOSITORY, GITHUB_API_URL: github.url })
    } finally {
      await github.stop()
    }
  }
  const none = { kind: 'found', reviewers: 0, waitMinutes: 0, apps: 0, branches: 'any' }

  test('tells reviewers, wait timers, other systems and branches', async () => {
    const timer = { type: 'wait_timer', wait_timer: 30 }
    const environments = {
      'production-approval': { apps: 1, protection_rules: [REVIEWED, timer] },
      production: { apps: 2, deployment_branch_policy: PROTECTED },
    }
    expect(await looked({ environments })).toEqual([
      { ...none, apps: 1, reviewers: 1, waitMinutes: 30 },
      { ...none, apps: 2, branches: 'protected' },
    ])
  })
  test('one that is missing is absent where the token may list the others', async () => {
    expect(await looked({ environments: { production: {} } })).toEqual([{ kind: 'absent' }, none])
  })
  test('and unknown where it may not: GitHub says 404 for both', async () => {
    const why = 'GitHub says 404, for a missing one as for one that the token may not see'
    expect(await looked({ hidden: true })).toEqual(NAMES.map(() => ({ kind: 'unknown', why })))
  })
  test.each<{ name: string; token: string; env: Readonly<Record<string, string>>; why: RegExp }>([
    { name: 'no token', token: '', env: REPOSITORY, why: /^no token was given/ },
    { name: 'no repository', token: TOKEN, env: {}, why: /no GitHub repository/ },
    {
      name: 'nobody there',
      token: TOKEN,
      env: { ...REPOSITORY, GITHUB_API_URL: 'http://127.0.0.1:1' },
      why: /127\.0\.0\.1:1/,
    },
    {
      name: 'an address in the clear',
      token: TOKEN,
      env: { ...REPOSITORY, GITHUB_API_URL: 'http://api.example' },
      why: /in the clear/,
    },
  ])('$name: unknown, and why', async ({ token, env, why }) => {
    for (const look of await lookAt(NAMES, token, env, 200))
      expect(look).toEqual({ kind: 'unknown', why: expect.stringMatching(why) })
  })
  test.each([401, 403, 422])('an answer of %d: unknown, and why', async (status) => {
    for (const look of await looked({ status }))
      expect(look).toEqual({ kind: 'unknown', why: expect.stringContaining(String(status)) })
  })
})

describe("an answer that is none of GitHub's", () => {
  test.each(['', 'null', '{}', '[]', '"text"', '{"name":"production","protection_rules":{}}'])(
    'is unknown, and neither a bug nor an environment without rules: %s',
    async (body) => {
      const server = createServer((_, answer) =>
        answer.writeHead(200, { 'content-type': 'application/json' }).end(body),
      )
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      try {
        for (const look of await lookAt(NAMES, TOKEN, { ...REPOSITORY, GITHUB_API_URL: url }))
          expect(look).toEqual({ kind: 'unknown', why: expect.stringContaining('documentation') })
      } finally {
        server.closeAllConnections()
        server.close()
      }
    },
  )
})

describe('files', () => {
  let folder = ''
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-plan-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  test('a folder is no file', () => {
    mkdirSync(join(folder, 'sluice.yml'))
    expect(() => readText(join(folder, 'sluice.yml'))).toThrow(/is not a file/)
  })
  test('a device is none either, and is not read', () => expect(() => readText('/dev/zero')).toThrow(/is not a file/))
  test('a file that is not UTF-8 is not read as something else; a byte order mark stays, for its hash', () => {
    writeFileSync(join(folder, 'sluice.yml'), Buffer.from('a: größe', 'latin1'))
    expect(() => readText(join(folder, 'sluice.yml'))).toThrow(/is not UTF-8 text/)
    writeFileSync(join(folder, 'sluice.yml'), '\ufeffa: größe')
    expect(readText(join(folder, 'sluice.yml'))).toBe('\ufeffa: größe')
  })
  test('a file larger than sluice.yml may be is not read', () => {
    writeFileSync(join(folder, 'sluice.yml'), 'x'.repeat(256 * 1024 + 1))
    expect(() => readText(join(folder, 'sluice.yml'))).toThrow(/is larger than 256 KiB/)
  })
  test('a file under a file does not exist', () => {
    writeFileSync(join(folder, 'a'), '')
    expect(() => readText(join(folder, 'a/sluice.yml'))).toThrow(/does not exist/)
  })
  test('release.json is written beside the report, in a folder of its own', () => {
    const { path, sha256 } = keepRelease('{}\n', folderBeside(join(folder, 'sluice/delivery-plan-step.json')))
    expect([path, readFileSync(path, 'utf8')]).toEqual([join(folder, 'sluice/delivery-plan-step/release.json'), '{}\n'])
    expect(sha256).toBe('ca3d163bab055381827226140568f3bef7eaac187cebd76878e0b63e9e442356')
  })
})

describe('inputs', () => {
  const given = {
    delivers: 'false',
    file: 'sluice.yml',
    service: '',
    digest: '',
    event: '',
    token: '',
    'unenforced-approval': 'fail',
  }
  const problems = (change: Readonly<Record<string, string>>): readonly string[] =>
    (z.safeParse(inputs, { ...given, ...change }).error?.issues ?? []).map(
      ({ path, message }) => `${path.join('.')} ${message}`,
    )
  test.each(['/etc/sluice.yml', '../sluice.yml', 'a/../../b', '~/a', 'C:/a', 'a\\b'])(
    '%s is not inside the checkout',
    (file) => expect(problems({ file })).toEqual(['file must be a path inside the checkout, relative and with /']),
  )
  test.each(['./sluice.yml', 'apps/eu/sluice.yml', 'a..b/sluice.yml'])('%s is', (file) =>
    expect(problems({ file })).toEqual([]),
  )
  test.each(['latest', 'sha256:5a', `sha256:${'5A'.repeat(32)}`, `${'5a'.repeat(32)}`])('%s is no digest', (digest) =>
    expect(problems({ digest })).toHaveLength(1),
  )
  test.each(['Push', 'a b', '`x`', '<b>'])('%s is no event', (event) => expect(problems({ event })).toHaveLength(1))
  test("action.yml's own default for the token is none, where nobody filled it in", () => {
    const token = '$' + '{{ github.token }}'
    expect(z.parse(inputs, { ...given, token }).token).toBe('')
    expect(z.parse(inputs, { ...given, token: ' ghs_a ' }).token).toBe('ghs_a')
  })
})
