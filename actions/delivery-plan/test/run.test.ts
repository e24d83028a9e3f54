import { readSluiceFile } from '@sluice/delivery/file'
import { describe, expect, test } from 'vitest'
import type { Look } from '../src/look.ts'
import { type Asked, type Planned, type Ports, run } from '../src/run.ts'
import { summarize } from '../src/summary.ts'

const ASKED: Asked = {
  service: '',
  digest: `sha256:${'5a'.repeat(32)}`,
  delivers: false,
  event: 'push',
  base: '.',
  commit: 'c0ffee',
  unenforced: 'fail',
  settings: 'https://github.com/acme/shop/settings/environments',
}
const file = (production: string, more = '') =>
  readSluiceFile(
    `version: 1
services: { shop: { image: shop, deploy: { eu: { namespace: shop, manifests: m } } } }
environments: { eu: { role: production, ${production} } }
${more}`,
    'sluice.yml',
  )
const FOUND: Look = { kind: 'found', reviewers: 1, waitMinutes: 0, apps: 0, branches: 'protected' }

/** Runs in a literal world; `asked` and `kept` are what it was asked for and given to keep. */
const ran = async (
  given: ReturnType<typeof file>,
  { asked = {}, ports = {} }: { readonly asked?: Partial<Asked>; readonly ports?: Partial<Ports> } = {},
): Promise<Planned & { readonly looked: readonly string[]; readonly kept: readonly string[] }> => {
  const looked: string[] = []
  const kept: string[] = []
  const planned = await run(
    given,
    { ...ASKED, ...asked },
    {
      look: async (names) => {
        looked.push(...names)
        return names.map((name) => (name === 'eu-recovery' || name === 'eu' ? { ...FOUND, reviewers: 0 } : FOUND))
      },
      keep: (text) => {
        kept.push(text)
        return { path: '/tmp/release.json', sha256: 'abc' }
      },
      exists: () => true,
      placeOf: (keys) => `sluice.yml:1:1 ${keys.join('.')}`,
      say: () => {},
      ...ports,
    },
  )
  return { ...planned, looked, kept }
}

test('a run looks at what it will use, and keeps what it releases', async () => {
  const planned = await ran(file('approval: environment'))
  expect([planned.verdict, planned.looked, planned.findings]).toEqual([
    'pass',
    ['eu-approval', 'eu', 'eu-recovery'],
    [],
  ])
  expect(planned.kept.map((text) => JSON.parse(text))).toEqual([
    { service: 'shop', repository: 'shop', digest: ASKED.digest, commit: 'c0ffee' },
  ])
})

test('a plan that fails keeps nothing that could be taken for a release', async () => {
  const none: Look = { ...FOUND, reviewers: 0 }
  const planned = await ran(file(''), { ports: { look: async (names) => names.map(() => none) } })
  expect([planned.verdict, planned.release, planned.kept]).toEqual(['fail', undefined, []])
  expect(planned.reason.text).toBe(
    'eu is to wait for an approval, but the approval environment eu-approval asks nobody: it has no required reviewers',
  )
})

test('a plan whose job GitHub would fail fails first, before anything is deployed', async () => {
  const look: Ports['look'] = async (names) =>
    names.map((name) => (name === 'eu-recovery' ? { ...FOUND, apps: 1 } : FOUND))
  const planned = await ran(file(''), { ports: { look } })
  expect([planned.verdict, planned.reason.code, planned.release]).toEqual(['fail', 'custom-rule', undefined])
  expect(planned.reason.text).toMatch(/^the recovery environment eu-recovery asks another system/)
  expect((await ran(file(''), { ports: { look }, asked: { unenforced: 'warn' } })).verdict).toBe('pass')
})

describe('a run that is to deliver', () => {
  const delivers = { delivers: true, digest: '' }
  const built = (image: string, more = '') =>
    readSluiceFile(
      `version: 1
services: { shop: { image: shop, package: ${image}, deploy: { eu: { namespace: shop, manifests: m } }${more} } }
environments: { eu: { role: production, approval: none } }`,
      'sluice.yml',
    )
  test('without a digest and without a package stops at the service, before anything is asked', async () => {
    const looked: string[] = []
    const look: Ports['look'] = async (names) => {
      looked.push(...names)
      return []
    }
    await expect(ran(file('approval: none'), { asked: delivers, ports: { look } })).rejects.toThrow(
      'sluice.yml:1:1 services.shop: no digest is given, and shop has no package, which would say how its image is built',
    )
    expect(looked).toEqual([])
  })
  test('builds what it deploys, keeps no release before there is one, and shows both in their places', async () => {
    const planned = await ran(
      built('{ platforms: [linux/amd64, linux/arm64], attest: true }', ', scan: { source: false }'),
      {
        asked: delivers,
      },
    )
    expect([planned.comes, planned.kept, planned.release]).toEqual(['built', [], undefined])
    expect(planned.reason.text).toBe('shop: is built, then deployed to eu')
    const summary = summarize({ ...planned, digest: '', event: 'push' })
    expect(summary).toContain('  plan --> checks --> package --> scan --> stage --> approve --> canary --> outcome')
    expect(summary).toContain('  package["package<br/>linux/amd64, linux/arm64, attested"]')
    expect(summary).toContain('  scan["scan<br/>dependencies, image"]')
    expect(summary).toContain(
      '| package | linux/amd64, linux/arm64, attested |  | ubuntu-latest, ubuntu-24.04-arm |  |',
    )
  })
  test('with a digest builds nothing, whatever the file says', async () => {
    const planned = await ran(built('{}'), { asked: { delivers: true } })
    expect([planned.comes, planned.kept.length]).toEqual(['given', 1])
    expect(summarize({ ...planned, digest: ASKED.digest, event: 'push' })).toContain(
      '| package | nothing to check: the digest is given |',
    )
  })
  test.each(['pull_request', 'merge_group'])(
    'by %s builds and deploys nothing, needs no digest, and scans the sources',
    async (event) => {
      const asked = { ...delivers, event }
      const planned = await ran(built('{ attest: true, verify: true }', ', scan: {}'), { asked })
      expect([planned.verdict, planned.comes, planned.plan.package]).toEqual(['pass', 'nowhere', null])
      expect(planned.reason.text).toMatch(/^shop: nothing is to be deployed; /)
      const summary = summarize({ ...planned, digest: '', event })
      expect(summary).toMatch(/\| package \| nothing to check: a (pull request|merge queue) /)
      expect(summary).toContain('  scan["scan<br/>source, dependencies"]')
      expect((await ran(file('approval: none'), { asked })).verdict).toBe('pass')
    },
  )
  test('and one that only reads the file builds, scans and deploys nothing', async () => {
    const planned = await ran(built('{}', ', sast: { semgrep: { config: p/ci } }'), { asked: { digest: '' } })
    const summary = summarize({ ...planned, digest: '', event: 'push' })
    expect(planned.comes).toBe('nowhere')
    for (const stage of ['package', 'scan', 'stage', 'canary'])
      expect(summary).toContain(`| ${stage} | nothing to check: no digest is given: the file is only read |`)
  })
  test('looks for the Dockerfile and what the scan reads', async () => {
    const image = built('{ context: docker }', ', scan: { report: r.json, vex: [v.json] }')
    const planned = await ran(image, { ports: { exists: () => false } })
    const missing = planned.findings.filter(({ id }) => id === 'path-missing').map(({ text }) => text)
    expect(missing).toEqual(
      expect.arrayContaining([
        'the context of the image: there is no docker in this checkout',
        'the Dockerfile: there is no docker/Dockerfile in this checkout',
        'report of the scan: there is no r.json in this checkout',
        'vex of the scan: there is no v.json in this checkout',
      ]),
    )
  })
})

test('without a digest nothing is kept', async () => {
  expect((await ran(file('approval: none'), { asked: { digest: '' } })).kept).toEqual([])
})

test('a look that came back short is unknown', async () => {
  const planned = await ran(file('approval: none'), { ports: { look: async () => [] } })
  expect(planned.seen.map(({ look }) => look.kind)).toEqual(['unknown', 'unknown'])
})

test('paths that are missing are told at their keys, globs are not looked for', async () => {
  const text = `version: 1
services:
  shop:
    image: shop
    folder: app
    smoke: smoke.yml
    checks: [{ name: a, run: b, folder: sub }]
    deploy: { eu: { namespace: shop, manifests: [m, 'k/*.yaml'] } }
environments: { eu: { role: staging } }
`
  const { findings } = await ran(readSluiceFile(text, 'sluice.yml'), { ports: { exists: () => false } })
  expect(findings.map(({ level, text: said, where }) => `${level} ${said} ${where}`)).toEqual([
    'warning folder: there is no app in this checkout sluice.yml:1:1 services.shop.folder',
    'warning smoke: there is no app/smoke.yml in this checkout sluice.yml:1:1 services.shop.smoke',
    'warning the folder of the check a: there is no app/sub in this checkout sluice.yml:1:1 services.shop.checks.0.folder',
    'warning manifests of eu: there is no app/m in this checkout sluice.yml:1:1 services.shop.deploy.eu.manifests',
  ])
})

describe('a canary that may take longer than a job on a runner of GitHub', () => {
  const long = 'plan: { steps: [{ weight: 5, hold: 7h }] }'
  test('is warned of where the labels do not say whose runner it is', async () => {
    const { verdict, findings } = await ran(file('approval: none, runs-on: scale-set', long))
    expect([verdict, findings.map(({ id, measured, limit, unit }) => [id, measured, limit, unit])]).toEqual([
      'pass',
      [['runner-limit', 526, 360, 'min']],
    ])
  })
  test('is fine on a self-hosted one', async () => {
    expect((await ran(file('approval: none, runs-on: [self-hosted]', long))).findings).toEqual([])
  })
})

describe('the summary', () => {
  const summaryOf = async (production: string, event = 'push', digest = ASKED.digest): Promise<string> => {
    const planned = await ran(file(production), { asked: { event, digest } })
    return summarize({ ...planned, digest, event })
  }
  test('of labels that are Markdown shows them as text', async () => {
    expect(await summaryOf("approval: none, runs-on: [self-hosted, '<b>|[x](http://a)`']")).toContain(
      '| self-hosted, &lt;b>\\|\\[x\\](http://a)\\` |',
    )
  })
  test('says that a canary waits to be started by hand', async () => {
    const summary = await summaryOf('approval: dispatch')
    expect(summary).toContain(
      'shop: nothing is to be deployed; eu is released to by hand (approval: dispatch), and this run was started by push.',
    )
    expect(summary).toContain('canary["canary<br/>nothing to check"]:::off')
    expect(summary).not.toContain('recover[')
  })
  test('without a digest draws nothing as if it were deployed', async () => {
    const summary = await summaryOf('approval: none', 'push', '')
    expect(summary).toContain('| canary | nothing to check: no digest is given: the file is only read |')
    expect(summary).toContain('shop: no digest is given, so nothing is deployed; with one it would be to eu.')
    expect(summary).toContain('Planned runner minutes of the canary: none')
  })
  test('tells the worst first', async () => {
    const planned = await ran(file('approval: none'))
    const finding = (level: 'note' | 'warning' | 'error') => ({ id: level, level, text: level })
    const findings = [finding('note'), finding('warning'), finding('error'), finding('warning')]
    const summary = summarize({ ...planned, findings, digest: ASKED.digest, event: 'push' })
    expect([...summary.matchAll(/^- \*\*(\w+)\*\*/gm)].map(([, level]) => level)).toEqual([
      'error',
      'warning',
      'warning',
      'note',
    ])
  })
  test.each([
    { runner: 'ubuntu-latest', says: "GitHub's own runner counts every one of them" },
    { runner: 'self-hosted', says: 'the runner is self-hosted, so GitHub counts none' },
    { runner: 'scale-set', says: 'whether they are counted depends on whose runner these labels name' },
  ])('on $runner says who counts the minutes', async ({ runner, says }) => {
    expect(await summaryOf(`approval: none, runs-on: ${runner}`)).toContain(says)
  })
})
