import { Fault } from '@sluice/kit/faults'
import type { KubernetesObject, PatchOperation, Resource, Written } from '@sluice/kubernetes/cluster'
import jsonPatch, { type Operation } from 'fast-json-patch'
import { describe, expect, it } from 'vitest'
import type { Manifest } from '../src/manifest.ts'
import type { Look, Ports } from '../src/ports.ts'
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

describe('a rehearsal', () => {
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
