import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Ground, openGround } from './ground.ts'
import { lacking } from './programs.ts'

/** `sluice rehearse --with-docker`: package.yml really builds and pushes, and what it pushed is what production runs. */
type Result = {
  readonly claims: readonly {
    readonly release: string
    readonly text: string
    readonly ok: boolean
    readonly actual: string
  }[]
  readonly moments: readonly { readonly text: string; readonly detail: string }[]
  readonly releases: readonly {
    readonly name: string
    readonly image: string
    readonly previousImage: string
    readonly built: { readonly verdict: string; readonly reasonCode: string }
    readonly run: { readonly conclusion: string; readonly outcomeReason: string }
  }[]
}
type Ended = { readonly code: number | null; readonly result: Result | undefined; readonly said: string }

const ROOT = join(import.meta.dirname, '../..')
const SOURCE = process.env.SLUICE_FROM_SOURCE === undefined ? [] : ['--from-source']

describe.skipIf(lacking().length > 0)('a rehearsal with Docker', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-docker-rehearsal-'))
  let ground: Ground
  let example: Ended
  let own: Ended

  const rehearse = async (name: string, cwd: string, ...flags: readonly string[]): Promise<Ended> => {
    const temporary = join(directory, name, 'tmp')
    mkdirSync(temporary, { recursive: true })
    const args = ['rehearse', '--with-docker', '--json', '--second-only', '--report', join(directory, name, 'report')]
    const child = spawn(process.execPath, [join(ROOT, 'packages/cli/src/main.ts'), ...args, ...SOURCE, ...flags], {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...ground.env, TMPDIR: temporary },
    })
    let [out, said] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      out += part
    })
    child.stderr.setEncoding('utf8').on('data', (part: string) => {
      said += part
    })
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
    return { code, said, result: out === '' ? undefined : JSON.parse(out) }
  }
  const broken = ({ result, said }: Ended): readonly unknown[] =>
    result === undefined ? [said] : result.claims.filter(({ ok }) => !ok)

  beforeAll(async () => {
    ground = await openGround()
    const shop = join(directory, 'shop')
    for (const [path, text] of Object.entries(shopOf())) {
      mkdirSync(dirname(join(shop, path)), { recursive: true })
      writeFileSync(join(shop, path), text)
    }
    ;[example, own] = await Promise.all([
      rehearse('example', ROOT, '--registry', ground.open.host),
      rehearse('own', shop, '--fault', 'none'),
    ])
  }, 1_200_000)
  afterAll(async () => {
    rmSync(directory, { recursive: true, force: true })
    await ground?.close()
  }, 60_000)

  test('of the example: every claim holds, and the bad release is taken back to the image that was built before it', () => {
    expect(broken(example)).toEqual([])
    expect(example.code, example.said).toBe(0)
    expect(example.result?.releases).toMatchObject([
      { name: 'bad', built: { verdict: 'pass' }, run: { conclusion: 'failure', outcomeReason: 'rolled-back' } },
    ])
  })

  test('of the example scans nothing, as no stored report can name what the run builds, and says so', () => {
    const html = readFileSync(join(directory, 'example/report/rehearsal.html'), 'utf8')
    expect(html).toContain('no stored report can name an image that the run itself builds')
    expect(example.result?.claims.filter(({ text }) => text.startsWith('the scan'))).toEqual([])
  })

  test('each release is an image of its own in the registry, under the digest and the tags that the run gave it', async () => {
    const [bad] = example.result?.releases ?? []
    const digests = [bad?.previousImage ?? '', bad?.image ?? '']
    expect(new Set(digests).size).toBe(2)
    const repository = 'rehearsal/support-router'
    const tags = await ground.open.tags(repository)
    const tagged = await Promise.all(
      tags
        .filter((tag) => tag.startsWith('sha-'))
        .map(async (tag) => (await ground.open.stored(repository, tag))?.digest),
    )
    expect(tagged.sort()).toEqual([...digests].sort())
    const settings = await Promise.all(digests.map((digest) => environmentOf(ground, repository, digest)))
    expect(settings).toEqual([
      expect.arrayContaining(['RELEASE=r1', 'FAULT=none']),
      expect.arrayContaining(['RELEASE=r3', 'FAULT=errors']),
    ])
  })

  test('of one’s own repository, by its own Dockerfile, into a registry that is started for it', () => {
    expect(broken(own)).toEqual([])
    expect(own.code, own.said).toBe(0)
    expect(own.result?.releases).toMatchObject([
      { name: 'second', built: { verdict: 'pass' }, run: { conclusion: 'success', outcomeReason: 'delivered' } },
    ])
    const built = own.result?.moments.filter(({ text }) => text === 'package built the image and pushed it')
    expect(built).toHaveLength(2)
    const html = readFileSync(join(directory, 'own/report/rehearsal.html'), 'utf8')
    expect(html).toContain('pushed to a registry of its own')
    expect(html).toContain('Nothing is pushed anywhere else: package.images left out.')
  })

  test('leaves no folder and no registry behind', () => {
    for (const name of ['example', 'own']) {
      expect(existsSync(join(directory, name, 'tmp'))).toBe(true)
      expect(readdirSync(join(directory, name, 'tmp')).filter((entry) => !entry.startsWith('node-'))).toEqual([])
    }
    const running = readdirSync('/proc').filter((pid) => {
      try {
        return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(directory)
      } catch {
        return false
      }
    })
    expect(running).toEqual([])
  })

  test('where nobody can build is said before anything starts', async () => {
    const nobody = { ...ground, env: { ...ground.env, BUILDX_BUILDER: 'nobody' } }
    const before = ground
    ground = nobody
    const refused = await rehearse('refused', ROOT)
    ground = before
    expect(refused.code).toBe(2)
    expect(refused.said).toMatch(/--with-docker: there is no builder that answers .*nobody.*docker buildx create/s)
    expect(readdirSync(join(directory, 'refused/tmp')).filter((entry) => !entry.startsWith('node-'))).toEqual([])
  })
})

/** What is set in an image, of an index or a manifest. */
const environmentOf = async ({ open }: Ground, repository: string, digest: string): Promise<readonly string[]> => {
  const found = await open.stored(repository, digest)
  const inner = found?.manifest.manifests?.find(
    ({ platform }: { readonly platform?: { readonly os: string } }) => platform?.os === 'linux',
  )
  const manifest = inner === undefined ? found : await open.stored(repository, inner.digest)
  return JSON.parse((await open.blob(repository, manifest?.manifest.config.digest)).toString()).config.Env
}

/** A repository as small as one can be, which says how its image is built. */
const shopOf = (): Readonly<Record<string, string>> => ({
  Dockerfile: 'FROM scratch\nCOPY server.mjs /server.mjs\nCMD ["/server.mjs"]\n',
  'server.mjs': `import { createServer } from 'node:http'
const server = createServer((asked, answer) => answer.end(asked.url === '/ready' ? 'ready' : 'a shop'))
server.listen(Number(process.env.PORT), process.env.HOST)
process.on('SIGTERM', () => {
  server.close(() => process.exit(0))
  server.closeIdleConnections()
})
`,
  'k8s/shop.yaml': `apiVersion: apps/v1
kind: Deployment
metadata: { name: shop }
spec:
  replicas: 2
  selector: { matchLabels: { app: shop } }
  template:
    metadata: { labels: { app: shop } }
    spec:
      terminationGracePeriodSeconds: 2
      containers:
        - name: shop
          image: \${IMAGE}
          ports: [{ name: http, containerPort: 3000 }]
          readinessProbe: { httpGet: { path: /ready, port: 3000 }, periodSeconds: 1, failureThreshold: 3 }
          lifecycle: { preStop: { sleep: { seconds: 1 } } }
---
apiVersion: v1
kind: Service
metadata: { name: shop }
spec:
  selector: { app: shop }
  ports: [{ name: http, port: 80, targetPort: http }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: shop }
spec:
  parentRefs: [{ name: outside, namespace: infra }]
  hostnames: [shop.example.com]
  rules: [{ backendRefs: [{ name: shop, port: 80 }] }]
`,
  'sluice.yml': `version: 1
services:
  shop:
    image: ghcr.io/acme/shop
    package: { images: [docker.io/acme/shop], attest: true }
    start: { run: node server.mjs, port: 3000, ready: /ready }
    smoke: [{ name: shop, path: /goods, expect: { status: 200 } }]
    deploy:
      production: { namespace: shop, manifests: k8s }
environments:
  production: { role: production, approval: none }
plan:
  steps: [{ weight: 20, hold: 5m }]
`,
})
