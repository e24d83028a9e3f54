import type { Cluster, KubernetesObject, Resource } from '@sluice/kubernetes/cluster'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RouteChange, Router, RouteWrite, Tester } from '../src/router.ts'

/** The cluster that a contract runs against. `namespace` makes a new one and gives its name; `gateway` is what a controller there would serve. */
export type Target = {
  readonly cluster: Cluster
  readonly gateway: { readonly className: string; readonly port: number }
  namespace(): Promise<string>
  stop(): Promise<void>
}

/** What the router under test is asked to be: whether a later owner has the record, and whose session goes to the canary. */
export type Asked = { readonly owned?: (epoch: number) => Promise<boolean>; readonly tester?: Tester }

/** One namespace with everything that a release finds there: Service `shop`, its twin `shop-canary`, and the objects that lead to them. */
export type Scene = {
  router(asked?: Asked): Router
  /** The kinds that the router writes: all objects of them in the namespace are compared whole, before and after. */
  readonly kinds: readonly Resource[]
  /** Objects that the release itself makes, not the router: they are nobody's to give back. */
  readonly made?: readonly string[]
  /** Somebody changes where requests go, so that the list is no longer the one that the release began with. */
  readonly edit?: () => Promise<unknown>
  /** Somebody changes the same object, but not where requests go. */
  readonly stranger?: () => Promise<unknown>
  /** The objects that hold the weights are deleted. */
  readonly remove?: () => Promise<unknown>
}

/** What not every router can. `marks`: it leaves a mark on objects of the user's while the canary is in them. `testers`: by what it knows one. */
export type Abilities = {
  readonly marks: boolean
  readonly mirror: boolean
  readonly testers: readonly ('header' | 'cookie')[]
}

const TESTERS = {
  header: { header: 'x-tester', value: 'yes' },
  // The one value that ingress-nginx knows.
  cookie: { cookie: 'testersession', value: 'always' },
} as const satisfies Record<string, Tester>
const WRITTEN = { kind: 'written' }
/** A real cluster may have to be brought up first, ms. */
const START = 300_000

/**
 * What every router promises, whatever it writes to. One file for all of them, for an embedded cluster that serves custom resources without a schema
 * and for a real API server with the real definitions; it speaks to the router and to the cluster alone.
 * @param make puts the user's objects into a namespace
 */
export const routerContract = (
  name: string,
  start: () => Promise<Target>,
  make: (cluster: Cluster, namespace: string, target: Target) => Promise<Scene>,
  can: Abilities,
): void => {
  describe(`router ${name}`, () => {
    let target: Target
    beforeAll(async () => {
      target = await start()
    }, START)
    afterAll(() => target?.stop())

    const begin = async () => {
      const namespace = await target.namespace()
      const scene = await make(target.cluster, namespace, target)
      return { scene, namespace, seen: () => snapshot(target.cluster, namespace, scene) }
    }

    test('reads only, until a weight is set', async () => {
      const { scene, seen } = await begin()
      const before = await seen()
      const router = scene.router()
      expect(router.name).toBe(name)
      const findings = await router.preflight()
      expect(findings.filter(({ level }) => level === 'error')).toEqual([])
      const changes = await router.changes()
      expect(await router.current(changes)).toMatchObject({ written: 0, marked: false })
      expect((await router.verify(changes)).accepted).toBe(true)
      expect(await seen()).toEqual(before)
    })

    test('sets a weight that reads back, from a run that knows only the saved changes', async () => {
      const { scene } = await begin()
      const changes = saved(await scene.router().changes())
      expect(await scene.router().set({ weight: 5 }, changes, 3)).toEqual(WRITTEN)
      expect(await scene.router().current(changes)).toMatchObject({ written: 5, marked: can.marks })
    })

    test('sets one weight after another, up and down, each read back as a whole number', async () => {
      const { scene } = await begin()
      const router = scene.router()
      const changes = saved(await router.changes())
      for (const weight of [5, 25, 50, 33, 1, 0, 7, 0]) {
        expect(await router.set({ weight }, changes, 3)).toEqual(WRITTEN)
        expect((await router.current(changes)).written).toBe(weight)
        const { accepted, text } = await router.verify(changes)
        // Which controller has not taken it, and why, is all that a person can go on from.
        if (!accepted) expect(text ?? '').not.toBe('')
      }
    })

    test('asked twice, writes once', async () => {
      const { scene, namespace } = await begin()
      const router = scene.router(withTester(can))
      const changes = saved(await router.changes())
      await router.set({ weight: 5 }, changes, 3)
      const versions = () => listed(target.cluster, namespace, scene).then((all) => all.map(versionOf))
      const once = await versions()
      expect(await router.set({ weight: 5 }, changes, 3)).toEqual(WRITTEN)
      expect(await versions()).toEqual(once)
    })

    test('gives every object back whole, and again when asked again', async () => {
      const { scene, seen } = await begin()
      const before = await seen()
      const router = scene.router()
      const changes = saved(await router.changes())
      for (const weight of [5, 50, 0]) await router.set({ weight }, changes, 3)
      expect(await router.cleanup(changes, 3)).toEqual(WRITTEN)
      expect(await seen()).toEqual(before)
      expect(await router.cleanup(changes, 3)).toEqual(WRITTEN)
      expect(await seen()).toEqual(before)
      expect((await router.current(changes)).marked).toBe(false)
    })

    test('gives every object back whole from any weight, and when none was set', async () => {
      const { scene, seen } = await begin()
      const before = await seen()
      const router = scene.router()
      const changes = saved(await router.changes())
      expect(await router.cleanup(changes, 3)).toEqual(WRITTEN)
      expect(await seen()).toEqual(before)
      await router.set({ weight: 50 }, changes, 3)
      expect(await router.cleanup(changes, 3)).toEqual(WRITTEN)
      expect(await seen()).toEqual(before)
    })

    test('refuses a run that was overtaken', async () => {
      const { scene, seen } = await begin()
      const router = scene.router(withTester(can))
      const changes = saved(await router.changes())
      await router.set({ weight: 5 }, changes, 3)
      expect(await router.stamp(changes, 4)).toEqual(WRITTEN)
      // Where stamping marks nothing of the user's, the first write of the newer run does.
      if (!can.marks) await router.set({ weight: 5 }, changes, 4)
      const taken = await seen()
      expect(await router.set({ weight: 50 }, changes, 3)).toMatchObject({ kind: 'refused', cause: 'fenced' })
      if (can.marks) expect(await router.cleanup(changes, 3)).toMatchObject({ kind: 'refused', cause: 'fenced' })
      expect(await seen()).toEqual(taken)
      expect(await router.set({ weight: 0 }, changes, 4)).toEqual(WRITTEN)
      expect(await router.cleanup(changes, 4)).toEqual(WRITTEN)
    })

    test('refuses to begin for a run whose record has another owner', async () => {
      const { scene, seen } = await begin()
      const router = scene.router({ owned: async (epoch) => epoch === 4, ...withTester(can) })
      const changes = saved(await router.changes())
      const before = await seen()
      expect(await router.set({ weight: 5 }, changes, 3)).toMatchObject({ kind: 'refused', cause: 'fenced' })
      expect(await seen()).toEqual(before)
      expect(await router.set({ weight: 5 }, changes, 4)).toEqual(WRITTEN)
    })

    test('refuses what somebody else changed, does not overwrite it, and leaves nothing of ours in it', async () => {
      const { scene, seen } = await begin()
      if (scene.edit === undefined) return expect(can.marks).toBe(false)
      const router = scene.router()
      const changes = saved(await router.changes())
      await router.set({ weight: 5 }, changes, 3)
      await scene.edit()
      const edited = await seen()
      expect(await router.set({ weight: 25 }, changes, 3)).toMatchObject({ kind: 'refused', cause: 'environment' })
      expect(await seen()).toEqual(edited)
      expect(await router.cleanup(changes, 3)).toEqual(WRITTEN)
      const left = JSON.stringify(await seen())
      expect(left).toContain('theirs')
      expect(left).not.toContain('shop-canary')
      expect(left).not.toContain('sluice.dev/')
      expect((await router.current(changes)).marked).toBe(false)
    })

    test('keeps what somebody else writes beside it', async () => {
      const alone = await begin()
      if (alone.scene.stranger === undefined) return expect(can.marks).toBe(false)
      await alone.scene.stranger()
      const wanted = anonymous(await alone.seen(), alone.namespace)
      const { scene, seen, namespace } = await begin()
      const router = scene.router()
      const changes = saved(await router.changes())
      await router.set({ weight: 5 }, changes, 3)
      await scene.stranger?.()
      expect(await router.set({ weight: 50 }, changes, 3)).toEqual(WRITTEN)
      expect((await router.current(changes)).written).toBe(50)
      expect(await router.cleanup(changes, 3)).toEqual(WRITTEN)
      expect(anonymous(await seen(), namespace)).toEqual(wanted)
    })

    test('asks nothing of objects that are gone, and refuses to send the canary anything through them', async () => {
      const { scene } = await begin()
      if (scene.remove === undefined) return expect(can.marks).toBe(false)
      const router = scene.router(withTester(can))
      const changes = saved(await router.changes())
      await router.set({ weight: 5 }, changes, 3)
      await scene.remove()
      expect(await router.set({ weight: 25 }, changes, 3)).toMatchObject({ kind: 'refused', cause: 'environment' })
      expect(await router.set({ weight: 0 }, changes, 3)).toEqual(WRITTEN)
      expect((await router.current(changes)).written).toBe(0)
      expect(await router.cleanup(changes, 3)).toEqual(WRITTEN)
      expect(await router.current(changes)).toMatchObject({ written: 0, marked: false })
    })

    test(can.mirror ? 'copies requests, and stops' : 'refuses to copy requests', async () => {
      const { scene, seen } = await begin()
      const before = await seen()
      const router = scene.router()
      const changes = saved(await router.changes())
      const answer: RouteWrite = await router.set({ weight: 0, mirror: 100 }, changes, 3)
      if (can.mirror) {
        expect(answer).toEqual(WRITTEN)
        expect(await router.current(changes)).toMatchObject({ written: 0, mirrored: 100, marked: true })
        expect(await router.set({ weight: 0 }, changes, 3)).toEqual(WRITTEN)
        expect((await router.current(changes)).mirrored ?? 0).toBe(0)
        expect(await router.cleanup(changes, 3)).toEqual(WRITTEN)
      } else {
        expect(answer).toMatchObject({ kind: 'refused', cause: 'environment' })
      }
      expect(await seen()).toEqual(before)
    })

    if (can.testers.length > 0)
      test.each(can.testers)(
        'lets a tester’s session, known by a %s, in with the first weight and out with the last',
        async (by) => {
          const tester: Tester = TESTERS[by]
          const { scene, seen } = await begin()
          const before = await seen()
          const router = scene.router({ tester })
          const changes = saved(await router.changes())
          const told = 'header' in tester ? tester.header : tester.cookie
          const mentioned = async () => JSON.stringify(await seen()).includes(told)
          expect(await mentioned()).toBe(false)
          expect(await router.set({ weight: 5 }, changes, 3)).toEqual(WRITTEN)
          expect(await mentioned()).toBe(true)
          expect(await router.current(changes)).toMatchObject({ written: 5, marked: true })
          expect(await router.set({ weight: 0 }, changes, 3)).toEqual(WRITTEN)
          expect(await mentioned()).toBe(false)
          expect((await router.current(changes)).written).toBe(0)
          await router.set({ weight: 25 }, changes, 3)
          expect(await router.cleanup(changes, 3)).toEqual(WRITTEN)
          expect(await seen()).toEqual(before)
          expect((await router.current(changes)).marked).toBe(false)
        },
      )
  })
}

const withTester = ({ testers: [by] }: Abilities): Asked => (by === undefined ? {} : { tester: TESTERS[by] })

/** As they come back out of the record. */
const saved = (changes: readonly RouteChange[]): readonly RouteChange[] => JSON.parse(JSON.stringify(changes))

const listed = async (
  cluster: Cluster,
  namespace: string,
  { kinds, made = [] }: Scene,
): Promise<readonly KubernetesObject[]> => {
  const lists = await Promise.all(kinds.map((kind) => cluster.list({ ...kind, namespace })))
  return lists.flat().filter(({ metadata }) => !made.includes(metadata.name))
}

/** Every object of the kinds, whole, but for what the server and its controllers write by themselves. */
const snapshot = async (cluster: Cluster, namespace: string, scene: Scene): Promise<readonly unknown[]> => {
  const objects = await listed(cluster, namespace, scene)
  return objects
    .map(({ status: _, ...object }) => {
      const { resourceVersion, generation, managedFields, ...metadata } = object.metadata
      if (metadata.annotations === undefined) return { ...object, metadata }
      const { 'deployment.kubernetes.io/revision': revision, ...annotations } = metadata.annotations
      if (revision !== undefined && Object.keys(annotations).length === 0) {
        const { annotations: none, ...bare } = metadata
        return { ...object, metadata: bare }
      }
      return { ...object, metadata: { ...metadata, annotations } }
    })
    .sort((a, b) => (`${a.kind}/${a.metadata.name}` < `${b.kind}/${b.metadata.name}` ? -1 : 1))
}

/** The same objects in another namespace are the same text. */
const anonymous = (objects: readonly unknown[], namespace: string): unknown =>
  JSON.parse(
    JSON.stringify(objects, (key, value: unknown) =>
      ['uid', 'creationTimestamp'].includes(key) ? undefined : value,
    ).replaceAll(namespace, 'NAMESPACE'),
  )

/** A controller that writes a status moves the resourceVersion, not the generation; a mark alone moves neither, and is compared with the whole. */
const versionOf = ({ metadata: { name, generation, annotations } }: KubernetesObject): string =>
  JSON.stringify([name, generation, annotations])
