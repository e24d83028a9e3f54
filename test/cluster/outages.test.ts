import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { call, kubeconfigOf } from './access.ts'
import { startLink } from './link.ts'
import { expectRest, recordOf, stableOf } from './rest.ts'
import { tokenFor } from './rights.ts'
import { PLAN, type Real, realCluster, until } from './site.ts'
import { sitesUntil } from './sites.ts'
import { tell } from './up.ts'

/** What a cluster does to a release while it is going on; the end of each is named first. One after the other: they take the cluster itself away. */
let real: Real
const newSite = sitesUntil(afterEach, () => real)
beforeAll(async () => {
  real = await realCluster()
}, 120_000)

const programs = ['etcd', 'kube-apiserver', 'kubelet'] as const
const restored = async (name: (typeof programs)[number]): Promise<void> => {
  await tell(real.paths, name, 'start')
  await until(
    async () => (await call(real.access, 'GET', '/readyz').catch(() => ({ code: 0 }))).code === 200,
    60_000,
    'the API server',
  )
}

test('the API server restarted mid-canary: promoted, as if nothing had been', { timeout: 180_000 }, async () => {
  const shop = await newSite()
  const clients = shop.clients()
  const run = shop.canary({ image: real.image('good') })
  await run.said(/step 1 of 2: analysing/)
  await tell(real.paths, 'kube-apiserver', 'kill')
  await restored('kube-apiserver')
  const { outputs, log } = await run.done
  expect(outputs, log).toMatchObject({ verdict: 'promoted' })
  await expectRest(real, shop, 'good')
  expect(clients.failures()).toEqual([])
})

test('etcd stopped for 20 s mid-canary: the canary keeps its share, the run goes on and promotes', {
  timeout: 180_000,
}, async () => {
  const shop = await newSite()
  const clients = shop.clients()
  const run = shop.canary({ image: real.image('good') })
  await run.said(/step 1 of 2: analysing/)
  await tell(real.paths, 'etcd', 'stop')
  await pause(20_000)
  await restored('etcd')
  const { outputs, log } = await run.done
  expect(outputs, log).toMatchObject({ verdict: 'promoted' })
  await expectRest(real, shop, 'good')
  expect(clients.failures()).toEqual([])
})

test('the kubelet stopped before the canary starts: never ready, so it never gets traffic and is taken back', {
  timeout: 240_000,
}, async () => {
  const shop = await newSite()
  const clients = shop.clients()
  await tell(real.paths, 'kubelet', 'stop')
  try {
    const run = shop.canary({ image: real.image('good'), plan: PLAN.replace('ready-within: 40s', 'ready-within: 8s') })
    await run.said(/going back/)
    await restored('kubelet')
    const { outputs, log } = await run.done
    expect(outputs.verdict, log).toMatch(/rolled-back|error/)
    expect(log).not.toMatch(/raising the weight/)
    await expectRest(real, shop, 'old')
    expect(clients.take()).not.toHaveProperty('good 200')
    expect(clients.failures()).toEqual([])
  } finally {
    await restored('kubelet')
  }
})

test('every connection to the API server cut, again and again: promoted, as if nothing had been', {
  timeout: 180_000,
}, async () => {
  const shop = await newSite()
  const clients = shop.clients()
  const link = await startLink(real.access)
  const kubeconfig = link.kubeconfig(shop.kubeconfig)
  const run = shop.canary({ image: real.image('good'), kubeconfig })
  const cutting = setInterval(() => link.cut(), 2000)
  const { outputs, log } = await run.done
  clearInterval(cutting)
  await link.stop()
  expect(outputs, log).toMatchObject({ verdict: 'promoted' })
  await expectRest(real, shop, 'good')
  expect(clients.failures()).toEqual([])
})

test('the API server out of reach for good mid-canary: the run says so and ends; a reap from elsewhere takes the canary back', {
  timeout: 240_000,
}, async () => {
  const shop = await newSite()
  const clients = shop.clients()
  const link = await startLink(real.access)
  const plan = PLAN.replace('ready-within: 40s', 'ready-within: 10s')
  const run = shop.canary({ image: real.image('good'), kubeconfig: link.kubeconfig(shop.kubeconfig), plan })
  await run.said(/step 1 of 2: analysing/)
  link.refuse()
  const { outputs, log, code } = await run.done
  await link.stop()
  expect(code).not.toBe(0)
  expect(outputs, log).toMatchObject({ verdict: 'error', 'reason-code': 'unreachable' })
  const reaped = await shop.canary({ mode: 'reap', plan, kubeconfig: shop.recovery }, { GITHUB_RUN_ID: '101' }).done
  expect(reaped.outputs, reaped.log).toMatchObject({ verdict: 'rolled-back' })
  await expectRest(real, shop, 'old')
  expect(clients.failures()).toEqual([])
})

test('a token that ends mid-canary: the run says so and ends red; a reap with a token that works takes the canary back', {
  timeout: 240_000,
}, async () => {
  const shop = await newSite()
  const clients = shop.clients()
  const { namespace } = shop
  // A token that is bound to an object ends with it: ten minutes, the least that a token lasts, are too long for a test.
  const bound = `/api/v1/namespaces/${namespace}/secrets`
  await call(real.access, 'POST', bound, {
    type: 'application/json',
    text: JSON.stringify({ metadata: { name: 'bound' } }),
  })
  const secret = JSON.parse((await call(real.access, 'GET', `${bound}/bound`)).text)
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/releaser/token`
  const text = JSON.stringify({
    spec: {
      expirationSeconds: 7200,
      boundObjectRef: { apiVersion: 'v1', kind: 'Secret', name: 'bound', uid: secret.metadata.uid },
    },
  })
  const { token } = JSON.parse((await call(real.access, 'POST', path, { type: 'application/json', text })).text).status
  const plan = PLAN.replace('ready-within: 40s', 'ready-within: 10s')
  const run = shop.canary({
    image: real.image('good'),
    kubeconfig: kubeconfigOf({ ...real.access, token }, namespace),
    plan,
  })
  await run.said(/step 1 of 2: analysing/)
  await call(real.access, 'DELETE', `${bound}/bound`)
  const ended = await run.done
  expect(ended.outputs, ended.log).toMatchObject({ verdict: 'error' })
  expect(ended.log).toMatch(/401|nobody by|token/)
  expect(ended.log).not.toContain(token)
  const reaped = await shop.canary({ mode: 'reap', plan, kubeconfig: shop.recovery }, { GITHUB_RUN_ID: '101' }).done
  expect(reaped.outputs, reaped.log).toMatchObject({ verdict: 'rolled-back' })
  await expectRest(real, shop, 'old')
  expect(clients.failures()).toEqual([])
})

test('a token that ends mid-canary where a login plugin gives another: promoted, as if nothing had been', {
  timeout: 240_000,
}, async () => {
  const shop = await newSite()
  const clients = shop.clients()
  const folder = mkdtempSync(join(tmpdir(), 'sluice-login-'))
  const first = await tokenFor(real.access, shop.namespace, 'releaser', 600)
  const write = (token: string): void => {
    const credential = { apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status: { token } }
    writeFileSync(join(folder, 'credential.json'), JSON.stringify(credential), { mode: 0o600 })
  }
  write(first)
  const config = JSON.parse(kubeconfigOf({ ...real.access, token: '' }, shop.namespace))
  config.users[0].user = {
    exec: {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: 'cat',
      args: [join(folder, 'credential.json')],
      interactiveMode: 'Never',
    },
  }
  const run = shop.canary({ image: real.image('good'), kubeconfig: JSON.stringify(config) })
  await run.said(/step 1 of 2: analysing/)
  // The account made anew ends every token of the old one.
  const account = `/api/v1/namespaces/${shop.namespace}/serviceaccounts`
  await call(real.access, 'DELETE', `${account}/releaser`)
  await call(real.access, 'POST', account, {
    type: 'application/json',
    text: JSON.stringify({ metadata: { name: 'releaser' } }),
  })
  write(await tokenFor(real.access, shop.namespace, 'releaser', 600))
  const { outputs, log } = await run.done
  rmSync(folder, { recursive: true })
  expect(outputs, log).toMatchObject({ verdict: 'promoted' })
  await expectRest(real, shop, 'good')
  expect(clients.failures()).toEqual([])
})

test('two runs for one service at the same time: one releases, the other says busy and changes nothing', {
  timeout: 180_000,
}, async () => {
  const shop = await newSite()
  const clients = shop.clients()
  const runs = ['100', '200'].map((id) => shop.canary({ image: real.image('good') }, { GITHUB_RUN_ID: id }).done)
  const ended = await Promise.all(runs)
  const verdicts = ended.map(({ outputs }) => outputs.verdict).sort()
  expect(verdicts, ended.map(({ log }) => log).join('\n')).toEqual(['error', 'promoted'])
  expect(ended.find(({ outputs }) => outputs.verdict === 'error')?.outputs['reason-code']).toBe('busy')
  await expectRest(real, shop, 'good')
  expect(clients.failures()).toEqual([])
})

test('a report folder without room: the release goes on to its end, and the loss of the report is said', {
  timeout: 180_000,
}, async () => {
  const shop = await newSite()
  const clients = shop.clients()
  const folder = mkdtempSync(join(tmpdir(), 'sluice-full-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8k,nr_inodes=16', 'none', folder])
  try {
    mkdirSync(join(folder, 'temp'))
    try {
      writeFileSync(join(folder, 'fill'), Buffer.alloc(64 * 1024))
    } catch {
      // Full is what it is meant to be.
    }
    const { outputs, log } = await shop.canary({ image: real.image('good') }, { RUNNER_TEMP: join(folder, 'temp') })
      .done
    expect(outputs, log).toMatchObject({ verdict: 'promoted' })
    expect(outputs.report ?? '').toBe('')
    expect(log).toMatch(/::(warning|error)[^\n]*report/)
  } finally {
    execFileSync('umount', [folder])
    rmSync(folder, { recursive: true })
  }
  await expectRest(real, shop, 'good')
  expect(clients.failures()).toEqual([])
})

test.each(['errors', 'slow', 'crash', 'never-ready', 'hang'] as const)(
  'a release with %s: rolled back, and stable untouched throughout',
  { timeout: 180_000 },
  async (release) => {
    const shop = await newSite()
    const before = await stableOf(shop)
    const clients = shop.clients()
    const { outputs, log } = await shop.canary({
      image: real.image(release),
      plan: PLAN.replace('ready-within: 40s', 'ready-within: 12s'),
    }).done
    expect(outputs, log).toMatchObject({ verdict: 'rolled-back', weight: '0' })
    await expectRest(real, shop, 'old')
    expect((await stableOf(shop)).spec).toEqual(before.spec)
    expect((await recordOf(shop))?.history.at(-1)).toMatchObject({ verdict: 'rolled-back' })
    clients.stop()
  },
)
