import { Fault } from '@sluice/kit/faults'
import type { KubernetesObject, PatchOperation, Resource, Written } from '@sluice/kubernetes/cluster'
import jsonPatch, { type Operation } from 'fast-json-patch'
import { describe, expect, it, test } from 'vitest'
import type { Manifest } from '../src/manifest.ts'
import type { Look, Ports } from '../src/ports.ts'
import { lookOf } from '../src/rollout.ts'
import { type Job, run } from '../src/run.ts'
import { decide } from '../src/verdict.ts'

const configMap = (name: string, value: string, line = 1): Manifest => ({
  file: 'app.yaml',
  line,
  object: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { value } },
})

/** A namespace of objects that are kept by name, and a clock that only sleeping moves. `refuse` is asked before each real write. */
const world = (
  objects: readonly Manifest[],
  refuse: (write: string) => Written<never> | Fault | undefined = () => undefined,
) => {
  const live = new Map<string, KubernetesObject>()
  const said: string[] = []
  let version = 0
  let time = 0
  const keep = (object: KubernetesObject): KubernetesObject => {
    version++
    const kept = {
      ...object,
      metadata: { uid: `uid-${object.metadata.name}`, ...object.metadata, resourceVersion: `${version}` },
    }
    live.set(object.metadata.name, kept)
    return kept
  }
  for (const { object } of objects) keep(object)
  const write = (verb: string, object: KubernetesObject): Written<KubernetesObject> => {
    const refused = refuse(`${verb} ${object.metadata.name}`)
    if (refused instanceof Fault) throw refused
    return refused ?? { kind: 'written', object: keep(object) }
  }
  const controller = new AbortController()
  const looks: Look[] = [{ kind: 'done', text: 'all there' }]
  const ports = {
    cluster: {
      get: async (_resource: Resource, name: string) => live.get(name),
      list: async () => [],
      apply: async (_resource: Resource, object: KubernetesObject, options: { dryRun?: boolean; force?: boolean }) =>
        options.dryRun
          ? { kind: 'written', object }
          : write(options.force ? 'force' : 'apply', { ...live.get(object.metadata.name), ...object }),
      remove: async (_resource: Resource, name: string) => (live.delete(name) ? 'removed' : 'absent'),
      jsonPatch: async (_resource: Resource, name: string, operations: readonly PatchOperation[]) => {
        const object = live.get(name)
        return object === undefined
          ? { kind: 'absent' }
          : write(
              'patch',
              jsonPatch.applyPatch(structuredClone(object), structuredClone([...operations]) as Operation[])
                .newDocument,
            )
      },
    },
    rollout: { look: async () => looks.shift() ?? { kind: 'waiting', text: 'waiting' }, explain: async () => [] },
    clock: {
      monotonic: () => time,
      sleep: async (ms: number) => {
        time += ms
      },
    },
    cancelled: controller.signal,
    say: (line: string) => said.push(line),
  } as unknown as Ports
  return { ports, live, said, controller, looks, time: () => time }
}

const job = (manifests: readonly Manifest[], rest: Partial<Job> = {}): Job => ({
  what: { kind: 'manifests', manifests },
  namespace: 'web',
  timeoutMs: 60_000,
  onFailure: 'rollback',
  ...rest,
})

const textOf = (object: KubernetesObject | undefined): unknown => (object?.data as { value: string } | undefined)?.value

describe('a deploy that the API server refuses in the middle', () => {
  const before = [configMap('a', 'old'), configMap('b', 'old')]
  const after = [configMap('a', 'new'), configMap('c', 'new'), configMap('b', 'new')]
  const forbidden = (write: string) => (write === 'apply b' ? new Fault('upstream', 'Not allowed (403)') : undefined)

  it('takes back what was written, and deletes what was created', async () => {
    const { ports, live } = world(before, forbidden)
    const result = await run(job(after), ports)
    expect(decide(result)).toMatchObject({ verdict: 'error', reason: { code: 'apply-failed-rolled-back' } })
    expect(decide(result).reason.text).toContain('ConfigMap/b in namespace web: Not allowed (403)')
    expect([...live].map(([name, object]) => [name, textOf(object)])).toEqual([
      ['a', 'old'],
      ['b', 'old'],
    ])
  })

  it('leaves it when told to keep', async () => {
    const { ports, live } = world(before, forbidden)
    const result = await run(job(after, { onFailure: 'keep' }), ports)
    expect(decide(result).reason.code).toBe('apply-failed-kept')
    expect(textOf(live.get('a'))).toBe('new')
  })

  it('does not speak of a previous release when there was none', async () => {
    const { ports, live } = world([], forbidden)
    const decided = decide(await run(job(after), ports))
    expect(decided.reason.text).toContain('Nothing was there before, and what was created is deleted again')
    expect(live.size).toBe(0)
  })

  it('says so when the way back is refused too', async () => {
    const refuse = (write: string) =>
      forbidden(write) ?? (write === 'patch a' ? new Fault('upstream', 'gone away') : undefined)
    const result = await run(job(after), world(before, refuse).ports)
    expect(decide(result).reason.code).toBe('apply-failed-rollback-failed')
    expect(decide(result).reason.text).toContain('ConfigMap/a in namespace web was left: gone away')
  })

  it('tries again when an object moved while it was restored', async () => {
    let conflicts = 2
    const refuse = (write: string) =>
      forbidden(write) ??
      (write === 'patch a' && conflicts-- > 0 ? ({ kind: 'conflict', text: 'moved' } as const) : undefined)
    const { ports, live } = world(before, refuse)
    expect(decide(await run(job(after), ports)).reason.code).toBe('apply-failed-rolled-back')
    expect(textOf(live.get('a'))).toBe('old')
  })

  it('throws while nothing has been written, as bad input does', async () => {
    const refuse = (): Fault => new Fault('upstream', 'Not allowed (403)')
    await expect(run(job(after), world(before, refuse).ports)).rejects.toThrow('Not allowed (403)')
  })
})

describe('a write whose answer was lost', () => {
  const manifests = [configMap('a', 'new'), configMap('b', 'new')]
  const lost = () => new Fault('upstream', 'The API server cannot be reached (reset)')

  it('counts as done when it was, and is taken back with the rest', async () => {
    let fails = true
    const { ports, live } = world([configMap('a', 'old')], (write) =>
      write === 'apply b' ? new Fault('upstream', 'Not allowed (403)') : undefined,
    )
    const { apply } = ports.cluster
    const cluster = {
      ...ports.cluster,
      apply: async (...given: Parameters<typeof apply>) => {
        const written = await apply(...given)
        if (!given[2].dryRun && fails) {
          fails = false
          throw lost()
        }
        return written
      },
    } as Ports['cluster']
    const result = await run(job(manifests), { ...ports, cluster })
    expect(result.changes.map(({ target }) => target.name)).toEqual(['a'])
    expect(decide(result).reason.code).toBe('apply-failed-rolled-back')
    expect(textOf(live.get('a'))).toBe('old')
  })

  it('is an end when it was not done', async () => {
    const { ports } = world([configMap('a', 'old')], (write) => (write === 'apply a' ? lost() : undefined))
    await expect(run(job(manifests), ports)).rejects.toThrow('cannot be reached')
  })

  it('is said when nobody can see whether it was done', async () => {
    const { ports } = world([])
    let away = false
    const away503 = () => new Fault('upstream', 'failed (503)')
    const cluster = {
      ...ports.cluster,
      get: async (...given: Parameters<typeof ports.cluster.get>) => {
        if (away) throw away503()
        return ports.cluster.get(...given)
      },
      apply: async (...given: Parameters<typeof ports.cluster.apply>) => {
        if (!given[2].dryRun && given[1].metadata.name === 'b') away = true
        if (away) throw away503()
        return ports.cluster.apply(...given)
      },
    } as Ports['cluster']
    const result = await run(job(manifests), { ...ports, cluster })
    expect(decide(result).reason.text).toContain('whether it was written cannot be seen')
  })
})

describe('a canary release in flight', () => {
  const shop = (image: string): Manifest => ({
    file: 'app.yaml',
    line: 3,
    object: {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'shop' },
      spec: { template: { spec: { containers: [{ name: 'app', image }] } } },
    },
  })
  const record = (phase: string): Manifest => {
    const data = {
      schema: 'sluice.dev/release/v1',
      state: JSON.stringify({ phase, step: 1 }),
      owner: JSON.stringify({ repository: 'acme/shop', runId: '77', attempt: 2, job: 'release' }),
    }
    return { ...configMap('', ''), object: { ...configMap('sluice-shop', '').object, data } }
  }
  const image = { what: { kind: 'image', image: 'shop@new', deployment: 'shop', container: undefined } } as const

  test.each([
    ['manifests', job([shop('shop@new')])],
    ['an image', job([], image)],
  ])('keeps %s out, and says whose it is and what to do', async (_what, deploy) => {
    const { ports, live } = world([shop('shop@old'), record('analysing')])
    const failed = await run(deploy, ports).catch((thrown: unknown) => thrown)
    expect(failed).toMatchObject({ kind: 'input' })
    expect(failed instanceof Fault ? `${failed.message} ${failed.hint}` : '').toMatch(
      /A canary release of Deployment shop in namespace web is in flight \(phase analysing, by run 77, attempt 2 of acme\/shop.*mode: abort.*mode: reap/s,
    )
    expect(live.get('shop')?.spec).toEqual(shop('shop@old').object.spec)
  })

  test.each([
    ['a Deployment that stays as it is', job([shop('shop@old'), configMap('a', '1')]), 'analysing'],
    ['an image that is there already', job([], { ...image, what: { ...image.what, image: 'shop@old' } }), 'holding'],
    ['a release that is done', job([], image), 'done'],
  ])('lets %s pass', async (_what, deploy, phase) => {
    const { ports } = world([shop('shop@old'), record(phase)])
    expect(await run(deploy, ports)).toMatchObject({ end: 'deployed' })
  })
})

describe('a rehearsal', () => {
  it('says of a kind that the same manifests define that its definition comes first', async () => {
    const { ports } = world([])
    const definition: Manifest = {
      ...configMap('', '', 1),
      object: {
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        metadata: { name: 'widgets.example.com' },
        spec: { names: { kind: 'Widget' } },
      },
    }
    const widget: Manifest = {
      ...configMap('', '', 9),
      object: { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'w' } },
    }
    const apply = async (_resource: Resource, object: KubernetesObject) =>
      object.kind === 'Widget' ? { kind: 'absent' } : { kind: 'written', object }
    const get = async (_resource: Resource, name: string) => (name === 'web' ? configMap('web', '').object : undefined)
    const cluster = { ...ports.cluster, apply, get } as unknown as Ports['cluster']
    await expect(run(job([widget, definition]), { ...ports, cluster })).rejects.toThrow(
      'app.yaml:9: Widget/w is of a kind that these manifests define themselves: deploy the CustomResourceDefinition',
    )
  })

  it('names a kind that the cluster does not know, and a namespace that does not exist', async () => {
    const { ports } = world([])
    const apply = async () => ({ kind: 'absent' }) as const
    const get = async (resource: Resource, name: string) =>
      resource.resource === 'namespaces' && name === 'web' ? configMap('web', '').object : undefined
    const strange = {
      ...configMap('w', ''),
      object: { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'w' } },
    }
    const astray = configMap('a', '', 7)
    const homeless = { ...astray, object: { ...astray.object, metadata: { name: 'a', namespace: 'nowhere' } } }
    const cluster = { ...ports.cluster, apply, get } as unknown as Ports['cluster']
    await expect(run(job([strange, homeless]), { ...ports, cluster })).rejects.toThrow(
      /Nothing was changed. 2 problems:\napp.yaml:7: namespace nowhere does not exist[^\n]*\napp.yaml:1: the cluster knows no kind Widget of example.com\/v1/,
    )
  })
})

describe('a deploy that waits', () => {
  const deployment: Manifest = {
    file: 'app.yaml',
    line: 1,
    object: { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'shop' }, spec: { template: 'new' } },
  }

  it('is not done before the last look says so, and says a line when something changes', async () => {
    const { ports, looks, said, time } = world([])
    looks.unshift(
      { kind: 'waiting', text: '0 of 2' },
      { kind: 'waiting', text: '0 of 2' },
      { kind: 'waiting', text: '1 of 2' },
    )
    expect(await run(job([deployment]), ports)).toMatchObject({ end: 'deployed' })
    expect(time()).toBe(3000)
    expect(said.slice(1)).toEqual(['shop: 0 of 2', 'shop: 1 of 2', 'shop: all there'])
  })

  it('is never silent for more than 30 s', async () => {
    const { ports, looks, said } = world([])
    looks.splice(0)
    const result = await run(job([deployment], { onFailure: 'keep' }), ports)
    expect(result).toMatchObject({ end: 'rollout-failed', waited: { kind: 'timed-out', tookMs: 60_000 } })
    expect(said.filter((line) => line.startsWith('shop: still waiting'))).toHaveLength(2)
  })

  it('ends at once when Kubernetes gives up', async () => {
    const { ports, looks, time } = world([])
    looks.unshift({ kind: 'failed', text: 'no progress for 600 s' })
    expect(await run(job([deployment]), ports)).toMatchObject({ end: 'rollout-failed' })
    expect(time()).toBe(0)
  })

  it('looks again at what was rolled out first while it waits for the rest', async () => {
    const { ports, looks } = world([])
    const other = { ...deployment, object: { ...deployment.object, metadata: { name: 'pay' } } }
    looks.splice(0)
    looks.push(
      { kind: 'done', text: 'shop: 2 of 2' },
      { kind: 'waiting', text: 'pay: 0 of 2' },
      { kind: 'waiting', text: 'shop: 0 of 2' },
      { kind: 'done', text: 'pay: 2 of 2' },
    )
    const result = await run(job([deployment, other], { onFailure: 'keep', timeoutMs: 5000 }), ports)
    expect(result).toMatchObject({ end: 'rollout-failed' })
  })

  it('takes the deadline of an earlier rollout, which still stands there, for no end of this one', async () => {
    const conditions = [
      { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', lastUpdateTime: 't1' },
    ]
    const live = { ...deployment.object, spec: { template: 'old' }, status: { observedGeneration: 1, conditions } }
    const { ports } = world([{ ...deployment, object: live }])
    const asked: unknown[] = []
    const look: Ports['rollout']['look'] = async (name) => {
      asked.push(name)
      return lookOf({ ...live, status: { ...live.status, replicas: 0 } }, name.knownDeadline)
    }
    const rollout = { ...ports.rollout, look }
    const result = await run(job([deployment], { onFailure: 'keep', timeoutMs: 2000 }), { ...ports, rollout })
    expect(result).toMatchObject({ waited: { kind: 'timed-out' } })
    expect(asked[0]).toEqual({ namespace: 'web', name: 'shop', knownDeadline: 't1' })
    expect(lookOf(live, 't0')).toMatchObject({ kind: 'failed', deadlineAt: 't1' })
  })

  it('does not claim a way back when it had changed nothing', async () => {
    const { ports, looks } = world([deployment])
    looks.unshift({ kind: 'failed', text: 'no progress for 600 s' })
    const result = await run(job([deployment]), ports)
    expect(decide(result)).toMatchObject({ verdict: 'fail', reason: { code: 'rollout-failed-kept' } })
    expect(decide(result).reason.text).toContain('This deploy changed nothing')
  })

  it('blames the cluster and not the release when nobody could look at it', async () => {
    const { ports, looks } = world([])
    looks.splice(0)
    const explain = async () => {
      throw new Fault('upstream', 'The API server cannot be reached')
    }
    const rollout = { ...ports.rollout, explain }
    const result = await run(job([deployment], { onFailure: 'keep' }), { ...ports, rollout })
    expect(decide(result)).toMatchObject({ verdict: 'error', reason: { code: 'environment-kept' } })
  })

  it('stops at once when cancelled, though the API server hangs', async () => {
    const { ports, controller } = world([])
    const look = () => new Promise<never>(() => setTimeout(() => controller.abort(), 10))
    const result = await run(job([deployment]), { ...ports, rollout: { ...ports.rollout, look } })
    expect(decide(result)).toMatchObject({ verdict: 'error', reason: { code: 'cancelled' } })
  })

  it('stops between two objects when cancelled', async () => {
    const { ports, controller, live } = world([])
    const say = (line: string): void => {
      if (line.includes('created')) controller.abort()
    }
    const result = await run(job([configMap('a', '1'), configMap('b', '1')]), { ...ports, say })
    expect(decide(result)).toMatchObject({ verdict: 'error', reason: { code: 'cancelled' } })
    expect([...live.keys()]).toEqual(['a'])
  })
})

describe('a deploy that skips a Deployment that is there', () => {
  const shop = (metadata: object): Manifest => ({
    file: 'app.yaml',
    line: 1,
    object: { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'shop', ...metadata } },
  })

  it('does nothing, whatever it was given', async () => {
    const { ports, live } = world([shop({})])
    expect(await run(job([configMap('a', 'new')], { unlessThere: 'shop' }), ports)).toMatchObject({ end: 'exists' })
    expect([...live.keys()]).toEqual(['shop'])
  })

  it('does not take one for it that is being deleted', async () => {
    const { ports, live } = world([shop({ deletionTimestamp: '2026-01-01T00:00:00Z' })])
    const asked = run(job([configMap('a', 'new')], { unlessThere: 'shop' }), ports)
    await expect(asked).rejects.toThrow('Deployment/shop in namespace web is being deleted')
    expect([...live.keys()]).toEqual(['shop'])
  })
})
