import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { afterEach, describe, expect, test } from 'vitest'
import { actionAt, type Ran } from '../../../test/action.ts'
import { PROTECTED, REVIEWED, type Says, startGitHub } from './github.ts'

const ROOT = join(import.meta.dirname, '..')
const start = actionAt(ROOT)
const valid = new Ajv2020().compile(JSON.parse(readFileSync(join(ROOT, 'report.schema.json'), 'utf8')))
const DIGEST = `sha256:${'5a'.repeat(32)}`
const TOKEN = 'ghs_thisisthetokenofthejob'
const SHA = 'c'.repeat(40)

const FILE = `version: 1
services:
  shop:
    image: ghcr.io/acme/shop
    checks:
      - { name: test, run: npm test }
    deploy:
      staging: { namespace: shop-staging, manifests: staging }
      production: { namespace: shop, manifests: production }
environments:
  staging: { role: staging }
  production: { role: production }
`

const done: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (let step = done.pop(); step !== undefined; step = done.pop()) await step()
})

/** A checkout with these files. */
const checkout = (files: Readonly<Record<string, string>>): string => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-plan-'))
  done.push(() => rmSync(folder, { recursive: true }))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  return folder
}
const whole = (text = FILE): string =>
  checkout({ 'sluice.yml': text, 'staging/a.yaml': '', 'production/a.yaml': '', '.git/HEAD': '' })

type With = {
  readonly cwd?: string
  readonly event?: string
  readonly says?: Says
  readonly inputs?: Readonly<Record<string, string>>
  readonly env?: Readonly<Record<string, string>>
}

/** Runs the action as the runner does. Every report it leaves is one of its schema, and the token is nowhere. */
const plan = async ({
  cwd = whole(),
  event = 'push',
  says,
  inputs = {},
  env = {},
}: With = {}): Promise<Ran & { readonly asked: readonly string[]; readonly release: string }> => {
  const github = says === undefined ? undefined : await startGitHub(says)
  if (github !== undefined) done.push(github.stop)
  const temp = mkdtempSync(join(tmpdir(), 'sluice-temp-'))
  done.push(() => rmSync(temp, { recursive: true }))
  const ran = await start(
    { token: github === undefined ? '' : TOKEN, ...inputs },
    {
      cwd,
      env: {
        RUNNER_TEMP: temp,
        GITHUB_EVENT_NAME: event,
        GITHUB_REPOSITORY: 'acme/shop',
        GITHUB_SHA: SHA,
        ...(github === undefined ? {} : { GITHUB_API_URL: github.url }),
        ...env,
      },
    },
  )
  expect(valid(ran.report), JSON.stringify(valid.errors)).toBe(true)
  expect(JSON.stringify([ran.log, ran.summary, ran.report, ran.outputs])).not.toContain(TOKEN)
  if (github !== undefined && github.asked.length > 0) expect([...github.tokens]).toEqual([`token ${TOKEN}`])
  const { release } = ran.outputs
  return { ...ran, asked: github?.asked ?? [], release: release ? readFileSync(release, 'utf8') : '' }
}

const GOOD: Says = {
  environments: {
    staging: {},
    'production-approval': { protection_rules: [REVIEWED] },
    production: { deployment_branch_policy: PROTECTED },
    'production-recovery': { deployment_branch_policy: PROTECTED },
  },
}
const idsOf = ({ report }: Ran): readonly string[] =>
  report.findings.map(({ id, level }: { id: string; level: string }) => `${level} ${id}`)

describe('a plan', () => {
  test('is one line of JSON, with what is released as a file and its hash', async () => {
    const ran = await plan({ says: GOOD, inputs: { digest: DIGEST } })
    expect([ran.code, ran.outputs.verdict, ran.outputs['reason-code']]).toEqual([0, 'pass', 'planned'])
    const planned = JSON.parse(ran.outputs.plan ?? '')
    expect(planned).toMatchObject({ service: 'shop', production: { wanted: true } })
    expect(ran.report.details.plan).toEqual(planned)
    expect([ran.outputs.service, ran.outputs.repository, ran.outputs.digest]).toEqual([
      'shop',
      'ghcr.io/acme/shop',
      DIGEST,
    ])
    expect(JSON.parse(ran.release)).toEqual({
      service: 'shop',
      repository: 'ghcr.io/acme/shop',
      digest: DIGEST,
      commit: SHA,
    })
    expect(ran.outputs['release-sha256']).toBe(createHash('sha256').update(ran.release).digest('hex'))
    expect(idsOf(ran)).toEqual([])

    // The summary: a picture, a table, minutes, and what each environment enforces.
    const { summary } = ran
    expect(summary.split('\n')).toEqual(
      expect.arrayContaining([
        '### Delivery plan of shop: pass',
        'shop: planned for staging, then production.',
        '  checks["checks<br/>1 command"]',
        '  approve["approve<br/>production-approval"]',
        '  canary["canary<br/>production: 5 % → 25 % → 50 %"]',
        '  plan --> checks --> package --> scan --> stage --> approve --> canary --> outcome',
        '| approve | waits for a reviewer | production-approval |  |  |',
        "Planned runner minutes of the canary: **26** when nothing holds it, at most 3 h 51 min; GitHub's own runner counts every one of them, the holds included. A job on GitHub's own runner (ubuntu-latest) ends after 6 h.",
        '| production-approval | approval | 1 | none | any |',
        '| production | production | 0 | none | protected ones |',
      ]),
    )
    expect(summary.match(/^\| \w+ \| nothing to check/gm)).toEqual([
      '| package | nothing to check',
      '| scan | nothing to check',
    ])
  })
  test('shows what is off in its place', async () => {
    const text = FILE.replace(/\n {4}checks:\n.*\n/, '\n')
      .replace(/ {6}staging: .*\n/, '')
      .replace('role: production }', 'role: production, approval: none }')
    const { summary, asked } = await plan({ cwd: whole(text), says: GOOD, inputs: { digest: DIGEST } })
    expect(summary).toContain(
      '  checks["checks<br/>nothing to check"]:::off\n  package["package<br/>nothing to check"]:::off\n  scan["scan<br/>nothing to check"]:::off\n  stage["stage<br/>nothing to check"]:::off\n  approve["approve<br/>nothing to check"]:::off\n  canary["canary<br/>production: 5 %',
    )
    expect(summary).toContain('| stage | nothing to check: no environment with the role staging |')
    expect(asked.join('\n')).not.toMatch(/approval|staging/)
  })
  test('of a pull request deploys nothing, asks nothing, and says why', async () => {
    const ran = await plan({ says: GOOD, event: 'pull_request' })
    expect([ran.code, ran.asked]).toEqual([0, []])
    expect(JSON.parse(ran.outputs.plan ?? '')).toMatchObject({ staging: null, production: { wanted: false } })
    expect(ran.summary).toContain('nothing is to be deployed; a pull request is checked and never deployed')
    expect([ran.outputs.release, ran.outputs['release-sha256']]).toEqual(['', ''])
  })
  test('of a file in a folder looks for its paths there', async () => {
    const cwd = checkout({ 'apps/eu/sluice.yml': FILE, 'apps/eu/staging/a.yaml': '', 'apps/eu/production/a.yaml': '' })
    const ran = await plan({ cwd, inputs: { file: './apps/eu/sluice.yml' } })
    expect(JSON.parse(ran.outputs.plan ?? '').staging.manifests).toBe('apps/eu/staging')
    expect(idsOf(ran)).toEqual(['note environment-unknown'])
  })
  test('says what it names and the checkout has not, at its line', async () => {
    const ran = await plan({ cwd: checkout({ 'sluice.yml': FILE, 'staging/a.yaml': '' }) })
    expect(ran.code).toBe(0)
    expect(ran.log).toContain(
      '::warning title=path-missing,file=sluice.yml,line=9::manifests of production: there is no production in this checkout',
    )
  })
})

test('an approval that asks nobody fails the plan, or warns where that was chosen', async () => {
  const says = { environments: { ...GOOD.environments, 'production-approval': {} } }
  const ran = await plan({ says, inputs: { digest: DIGEST } })
  expect([ran.code, ran.outputs.verdict, ran.outputs['reason-code']]).toEqual([1, 'fail', 'approval-not-enforced'])
  expect(ran.summary).toContain('it has no required reviewers')
  expect(ran.log).toContain('::error title=approval-not-enforced::')
  expect([ran.release, idsOf(ran)]).toEqual(['', ['error approval-not-enforced']])
  const warned = await plan({ says, inputs: { digest: DIGEST, 'unenforced-approval': 'warn' } })
  expect([warned.code, warned.outputs.verdict, idsOf(warned)]).toEqual([0, 'pass', ['warning approval-not-enforced']])
})

test('what the token may not look at is unknown, and stops nothing', async () => {
  const ran = await plan({ says: { status: 403 } })
  expect(ran.code).toBe(0)
  expect(new Set(idsOf(ran))).toEqual(new Set(['note environment-unknown']))
  expect(ran.summary).toContain('| production-approval | approval | unknown | unknown | unknown |')
})

describe('what is wrong ends in an error, before anything is asked', () => {
  const failed = async (given: With): Promise<Ran> => {
    const ran = await plan({ says: GOOD, ...given })
    expect([ran.code, ran.outputs.verdict, ran.outputs['reason-code'], ran.asked]).toEqual([
      1,
      'error',
      'input-fault',
      [],
    ])
    expect(ran.outputs.plan ?? '').toBe('')
    return ran
  }
  test('every problem of the file, each at its line', async () => {
    const text = FILE.replace('image: ghcr', 'imgae: ghcr')
      .replace('staging: { role: staging }', 'staging: { role: stage }')
      .replace('namespace: shop,', 'namespace: Shop,')
    const ran = await failed({ cwd: whole(text) })
    expect(ran.log).toMatch(
      /^::error title=sluice-yml,file=sluice\.yml,line=4::services\.shop: unknown key "imgae"; did you mean "image"\?$/m,
    )
    expect(ran.log).toMatch(
      /^::error title=sluice-yml,file=sluice\.yml,line=9::services\.shop\.deploy\.production\.namespace: must be a DNS label/m,
    )
    expect(ran.log).toMatch(
      /^::error title=sluice-yml,file=sluice\.yml,line=11::environments\.staging\.role: unknown value "stage"/m,
    )
    expect(ran.summary).toContain('sluice.yml has 4 problems:')
    expect(ran.report.findings).toHaveLength(4)
  })
  test('more problems than GitHub shows are counted', async () => {
    const checks = Array.from({ length: 30 }, (_, index) => `      - { name: c${index}, rnu: x }`).join('\n')
    const ran = await failed({ cwd: whole(FILE.replace(/ {6}- \{ name: test.*/, checks)) })
    expect(ran.report.findings).toHaveLength(60)
    expect(ran.log.match(/^::error /gm)?.length).toBe(10)
    expect(ran.log).toContain('40 more: see the summary')
  })
  test('a file that is not there, outside a checkout', async () => {
    const ran = await failed({ cwd: checkout({}) })
    expect(ran.log).toMatch(
      /sluice\.yml does not exist in .*Nothing is checked out here: put actions\/checkout before this step/,
    )
  })
  test('every wrong input', async () => {
    const ran = await failed({ inputs: { digest: 'x', 'unenforced-approval': 'ignore' } })
    expect(ran.report.reason.text).toMatch(
      /2 invalid inputs: digest must be[\s\S]*unenforced-approval unknown value "ignore"/,
    )
  })
  test('a delivery of what nobody builds, at its service', async () => {
    const ran = await failed({ inputs: { delivers: 'true' } })
    expect(ran.report.reason.text).toMatch(/^sluice\.yml:3:3: no digest is given, and shop has no package/)
  })
  test('pull_request_target', async () => {
    expect((await failed({ event: 'pull_request_target' })).log).toContain('with the rights of this repository')
  })
})
