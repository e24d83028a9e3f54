import { execFileSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DEPLOYMENTS, MERGE, NS, PODS, sleep, startCluster, type TestCluster, until } from './cluster.ts'

let cluster: TestCluster
beforeAll(async () => {
  cluster = await startCluster()
})
afterAll(() => cluster.stop())

const statusOf = async (app: string) => (await cluster.pods(app))[0]?.status?.containerStatuses?.[0]

describe('a pod', () => {
  test('is a process with the environment that its spec asks for', async () => {
    await cluster.call('POST', `/api/v1/namespaces/${NS}/configmaps`, {
      metadata: { name: 'settings' },
      data: { COLOR: 'blue', SIZE: 'big' },
    })
    await cluster.call('POST', `/api/v1/namespaces/${NS}/secrets`, {
      metadata: { name: 'keys' },
      stringData: { key: 's3cret' },
    })
    await cluster.deploy('env', 1, {
      container: {
        envFrom: [{ configMapRef: { name: 'settings' }, prefix: 'CFG_' }],
        env: [
          { name: 'COLOR', valueFrom: { configMapKeyRef: { name: 'settings', key: 'COLOR' } } },
          { name: 'KEY', valueFrom: { secretKeyRef: { name: 'keys', key: 'key' } } },
          { name: 'ME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
          { name: 'BOTH', value: '$(COLOR)-$(CFG_SIZE)-$(NONE)' },
        ],
      },
    })
    await cluster.available('env', 1)
    const [pod] = await cluster.pods('env')
    const read = async (name: string) =>
      (await cluster.call('GET', `${PODS}/${pod?.metadata?.name}:8080/proxy/env?name=${name}`)).text
    expect(await Promise.all(['COLOR', 'KEY', 'ME', 'BOTH', 'CFG_COLOR'].map(read))).toEqual([
      'blue',
      's3cret',
      pod?.metadata?.name,
      'blue-big-$(NONE)',
      'blue',
    ])
  })

  test('whose ConfigMap is missing waits, says so, and starts when it comes', async () => {
    await cluster.deploy('waits', 1, { container: { envFrom: [{ configMapRef: { name: 'later' } }] } })
    await until(
      () => statusOf('waits'),
      (status) => String(status?.state?.waiting?.reason) === 'CreateContainerConfigError',
    )
    await cluster.call('POST', `/api/v1/namespaces/${NS}/configmaps`, { metadata: { name: 'later' }, data: {} })
    await cluster.available('waits', 1)
  })

  test('that never gets ready says so in one Event that counts up', async () => {
    await cluster.deploy('sulks', 1, { env: { NEVER_READY: '1' } })
    const unhealthy = async () => {
      const events = (await cluster.call('GET', `/api/v1/namespaces/${NS}/events`)).body.items ?? []
      return events.filter(
        (event) => String(event.reason) === 'Unhealthy' && String(event.involvedObject?.name).startsWith('sulks-'),
      )
    }
    const [event, ...others] = await until(unhealthy, (events) => Number(events[0]?.count) >= 2)
    expect(others).toEqual([])
    expect(event).toMatchObject({ message: 'Readiness probe failed: HTTP probe failed with statuscode: 503' })
  })

  test('whose image is unknown stays in ErrImagePull and ImagePullBackOff, with an Event', async () => {
    await cluster.deploy('unknown', 1, { container: { image: `registry.example/web@sha256:${'9'.repeat(64)}` } })
    await until(
      () => statusOf('unknown'),
      (status) => String(status?.state?.waiting?.reason) === 'ErrImagePull',
    )
    await until(
      () => statusOf('unknown'),
      (status) => String(status?.state?.waiting?.reason) === 'ImagePullBackOff',
    )
    const [pod] = await cluster.pods('unknown')
    const events = await cluster.call(
      'GET',
      `/api/v1/namespaces/${NS}/events?fieldSelector=involvedObject.name%3D${pod?.metadata?.name}`,
    )
    expect(events.body.items?.map((event) => String(event.message)).join()).toContain('Failed to pull image')
    expect(String(pod?.status?.phase)).toBe('Pending')
  })

  test('that crashes is restarted, then backs off, and its previous log can be read', async () => {
    await cluster.deploy('crash', 1, { env: { CRASH: '3' } })
    const status = await until(
      () => statusOf('crash'),
      (one) => String(one?.state?.waiting?.reason) === 'CrashLoopBackOff',
    )
    expect(Number(status?.restartCount)).toBeGreaterThanOrEqual(1)
    expect(status?.lastState?.terminated).toMatchObject({ exitCode: 3, reason: 'Error' })
    const [pod] = await cluster.pods('crash')
    const log = await until(
      () => cluster.call('GET', `${PODS}/${pod?.metadata?.name}/log?previous=true&tailLines=1`),
      (answer) => answer.code === 200 && answer.text !== '',
    )
    expect(log.text).toBe('crashing as told\n')
    expect(String(pod?.status?.phase)).toBe('Running')
    await cluster.call('DELETE', `${DEPLOYMENTS}/crash`)
  })

  test('that dies keeps its identity but not its container', async () => {
    await cluster.deploy('dies', 1)
    await cluster.available('dies', 1)
    const before = (await cluster.pods('dies'))[0]
    await cluster.call('GET', `${PODS}/${before?.metadata?.name}:8080/proxy/exit?code=7`)
    const after = await until(
      async () => (await cluster.pods('dies'))[0],
      (pod) =>
        Number(pod?.status?.containerStatuses?.[0]?.restartCount) === 1 &&
        Boolean(pod?.status?.containerStatuses?.[0]?.ready),
    )
    expect(after?.metadata?.uid).toBe(before?.metadata?.uid)
    expect(after?.status?.containerStatuses?.[0]?.containerID).not.toBe(
      before?.status?.containerStatuses?.[0]?.containerID,
    )
    expect(after?.status?.containerStatuses?.[0]?.lastState?.terminated).toMatchObject({ exitCode: 7 })
  })

  test('that fails its readiness probe leaves the Service and comes back', async () => {
    await cluster.deploy('shy', 1)
    await cluster.available('shy', 1)
    const url = cluster.serviceUrl(NS, 'shy', 80)
    expect((await fetch(url)).status).toBe(200)
    await fetch(`${url}/unready`)
    await until(
      () => fetch(url),
      (answer) => answer.status === 503,
    )
    expect((await statusOf('shy'))?.restartCount).toBe(0)
  })

  test('that fails its liveness probe is restarted', async () => {
    const probe = { httpGet: { path: '/health', port: 'http' }, periodSeconds: 1, failureThreshold: 2 }
    await cluster.deploy('ill', 1, { container: { livenessProbe: probe, readinessProbe: undefined } })
    await cluster.available('ill', 1)
    // Without a readiness probe a pod counts as ready before it listens.
    const url = cluster.serviceUrl(NS, 'ill', 80)
    await until(
      () =>
        fetch(`${url}/unready`).then(
          (answer) => answer.status,
          () => 0,
        ),
      (status) => status === 200,
    )
    await until(
      () => statusOf('ill'),
      (status) => Number(status?.restartCount) === 1,
    )
  })

  test('runs all of its containers, each with ports of its own', async () => {
    const { image } = { image: `registry.example/web@sha256:${'a'.repeat(64)}` }
    await cluster.deploy('pair', 1, {
      pod: {
        containers: [
          {
            name: 'web',
            image,
            ports: [{ name: 'http', containerPort: 8080 }],
            env: [{ name: 'VERSION', value: 'main' }],
          },
          { name: 'side', image, ports: [{ containerPort: 9090 }], env: [{ name: 'VERSION', value: 'side' }] },
        ],
      },
    })
    await cluster.available('pair', 1)
    const [pod] = await cluster.pods('pair')
    const answers = await until(
      () =>
        Promise.all(
          ['8080', '9090'].map(
            async (port) => (await cluster.call('GET', `${PODS}/${pod?.metadata?.name}:${port}/proxy/`)).text,
          ),
        ),
      (texts) => texts.join() === 'main,side',
    )
    expect(answers).toEqual(['main', 'side'])
    const log = (container: string) => cluster.call('GET', `${PODS}/${pod?.metadata?.name}/log${container}`)
    expect((await log('?container=side')).text).toBe('started side\n')
    expect((await log('')).code).toBe(400)
  })
})

describe('a pod that is deleted', () => {
  test('finishes what it is doing, and gets no new requests', async () => {
    await cluster.deploy('grace', 1)
    await cluster.available('grace', 1)
    const url = cluster.serviceUrl(NS, 'grace', 80)
    const slow = fetch(`${url}/slow?ms=600`)
    await sleep(100)
    await cluster.call('PATCH', `${DEPLOYMENTS}/grace`, { spec: { replicas: 0 } }, MERGE)
    await until(
      () => cluster.pods('grace'),
      (pods) => pods.every((pod) => pod.metadata?.deletionTimestamp !== undefined),
    )
    expect((await fetch(url)).status).toBe(503)
    expect(await (await slow).text()).toBe('late')
    await until(
      () => cluster.pods('grace'),
      (pods) => pods.length === 0,
    )
  })

  test('is killed after its grace period when it ignores SIGTERM', async () => {
    await cluster.deploy('stubborn', 1, { env: { STUBBORN: '1' }, pod: { terminationGracePeriodSeconds: 1 } })
    await cluster.available('stubborn', 1)
    const started = performance.now()
    await cluster.call('DELETE', `${DEPLOYMENTS}/stubborn`)
    await until(
      () => cluster.pods('stubborn'),
      (pods) => pods.length === 0,
    )
    expect(performance.now() - started).toBeGreaterThan(900)
  })

  test('waits out its preStop hook first', async () => {
    await cluster.deploy('hook', 1, { container: { lifecycle: { preStop: { sleep: { seconds: 1 } } } } })
    await cluster.available('hook', 1)
    const [pod] = await cluster.pods('hook')
    await cluster.call('DELETE', `${DEPLOYMENTS}/hook`)
    await sleep(500)
    expect((await cluster.call('GET', `${PODS}/${pod?.metadata?.name}:8080/proxy/`)).code).toBe(200)
    await until(
      () => cluster.pods('hook'),
      (pods) => pods.length === 0,
    )
  })
})

test('nothing of a sandbox is left after stop', async () => {
  const other = await startCluster()
  await other.deploy('left', 2, { env: { MARK: 'sandbox-stop' } })
  await other.available('left', 2)
  const [pod] = await other.pods('left')
  const pid = Number(/-(\d+)-\d+$/.exec(String(pod?.status?.containerStatuses?.[0]?.containerID))?.[1])
  expect(
    execFileSync('ps', ['-o', 'pid=', '-p', String(pid)])
      .toString()
      .trim(),
  ).toBe(String(pid))
  await other.stop()
  await until(
    () => isAlive(pid),
    (alive) => !alive,
  )
})

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
