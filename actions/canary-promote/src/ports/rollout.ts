import { describe, Fault } from '@sluice/kit/faults'
import type { Cluster, KubernetesObject, PatchOperation, Resource } from '@sluice/kubernetes/cluster'
import { causeOf, type FencedResult } from '@sluice/kubernetes/fenced'
import { pointerOf } from '@sluice/kubernetes/json-pointer'
import type { Command, ReleaseRecord, Touched } from '@sluice/release/record'
import { type ArgoRollout, argoRollout, POD_HASH, type Rollout, type RolloutRead } from '@sluice/traffic/argo-rollouts'
import { rolloutFindings } from '@sluice/traffic/argo-rollouts-preflight'
import {
  abortion,
  fullPromotion,
  hashOf,
  keptUntil,
  setOf,
  setRunning,
  standingOf,
  towards,
} from '@sluice/traffic/argo-rollouts-status'
import { placesOf } from '@sluice/traffic/argo-rollouts-steps'
import { authorOf } from '../foreign.ts'
import type { Deployment, Pod, PodTemplate } from '../objects.ts'
import type { Snapshot } from '../obstacles.ts'
import { type Settings, settingsOf } from '../plan.ts'
import type { Clock, Performed, Ports } from '../ports.ts'
import { asksFor, RELEASE, type RolloutLook, releaseMark, rolloutWorld, serves } from '../rollout-world.ts'
import { autoscalers } from './autoscalers.ts'
import { tracking } from './preflight.ts'
import { recordPort } from './record.ts'

/** What the port works with: `deployment` names the Rollout. `weights`: the plan's, which the Rollout's own steps must have. */
export type RolloutGiven = {
  readonly cluster: Cluster
  readonly namespace: string
  readonly deployment: string
  readonly clock: Clock
  readonly weights: readonly number[]
}

/**
 * A release's hands on an Argo Rollouts Rollout: the template is written into it, its own steps raise the weights, and this release decides when one
 * is over. Every write tests our epoch. Decision record: docs/decisions/0012-argo-rollouts.md.
 */
export const rolloutPort = (given: RolloutGiven): Ports['cluster'] => {
  const { cluster, namespace, clock } = given
  const where = `Rollout ${namespace}/${given.deployment}`
  const records = recordPort(cluster, namespace, given.deployment)
  const owned = async (epoch: number): Promise<boolean> => (await records.load())?.record.epoch === epoch
  const scaling = autoscalers(cluster, { namespace, owned })
  const argo = argoRollout(cluster, { namespace, name: given.deployment, owned })

  /** A write to the status, decided on the Rollout as it is and the ReplicaSets as they were a moment before. */
  const status = async (
    record: ReleaseRecord,
    decide: (rollout: Rollout) => readonly PatchOperation[],
  ): Promise<Performed> => performed(record, await argo.writeStatus(record.epoch, decide), where)

  const write = async (
    record: ReleaseRecord,
    decide: (rollout: Rollout) => readonly PatchOperation[],
  ): Promise<Performed> => {
    const result = await argo.write(record.epoch, (rollout) => ({
      kind: 'patch',
      operations: decide(rollout),
      mark: 'keep',
    }))
    return performed(record, result, where)
  }

  /** Only over the release's own other template, and together with the mark that says so. */
  const writeTemplate = (record: ReleaseRecord, to: 'previous' | 'analysed'): Promise<Performed> =>
    write(record, (rollout) => {
      const asks = asksFor(record, rollout)
      if (asks === 'foreign' || asks === to) return []
      return [
        { op: 'replace', path: '/spec/template', value: (to === 'analysed' ? record.canary : record.stable).body },
        ...(to === 'analysed' ? [markOf(record)] : []),
        // What was paused by hand meanwhile could not take its pods back.
        ...(to === 'previous' && rollout.spec.paused === true
          ? [{ op: 'replace', path: '/spec/paused', value: false } as const]
          : []),
      ]
    })

  const abort = async (record: ReleaseRecord): Promise<Performed> => {
    const isOurs = (rollout: Rollout): boolean => asksFor(record, rollout) === 'analysed'
    const aborted = await status(record, (rollout) => (isOurs(rollout) ? abortion(rollout) : []))
    if (aborted.kind === 'refused') return aborted
    // Without a traffic router a Rollout that is paused by hand keeps its pods, and with them the canary's share.
    return write(record, (rollout) =>
      isOurs(rollout) && rollout.status?.abort === true && rollout.spec.paused === true
        ? [{ op: 'replace', path: '/spec/paused', value: false }]
        : [],
    )
  }

  const toWeight = async (record: ReleaseRecord, weight: number): Promise<Performed> => {
    if (weight === 0) return abort(record)
    const { rollout } = (await argo.read()) ?? {}
    if (rollout === undefined) return refused('upstream', `${where} is not there`)
    const places = placesOf(weightsOf(record), rollout.spec.strategy?.canary?.steps ?? [])
    const place = places.kind === 'found' ? places.places.find((each) => each.weight === weight) : undefined
    if (place === undefined)
      return refused('environment', `${where} has no setWeight ${weight} with a pause after it any more`)
    return status(record, (live) => (asksFor(record, live) === 'analysed' ? towards(place, live) : []))
  }

  /** The way back from a promotion that the controller may have carried through: then the previous template is the update, and goes through whole. */
  const restoreStable = async (record: ReleaseRecord): Promise<Performed> => {
    const back = await writeTemplate(record, 'previous')
    if (back.kind === 'refused') return back
    const look = await lookAt(record)
    const isUpdate = look.standing?.observed === true && !look.standing.settled && serves(record, look) === 'analysed'
    if (!isUpdate) return back
    return status(record, (live) => (asksFor(record, live) === 'previous' ? fullPromotion(live) : []))
  }

  const perform = (command: Command, record: ReleaseRecord): Promise<Performed> => {
    switch (command.do) {
      case 'apply':
        return command.role === 'canary' ? writeTemplate(record, 'analysed') : done(record)
      case 'weight':
        return toWeight(record, command.to)
      case 'scale':
        return command.role === 'canary'
          ? writeTemplate(record, 'previous')
          : write(record, ({ spec }) =>
              spec.replicas === command.to ? [] : [{ op: 'add', path: '/spec/replicas', value: command.to }],
            )
      case 'write-stable':
        return status(record, (rollout) => (asksFor(record, rollout) === 'analysed' ? fullPromotion(rollout) : []))
      case 'restore-stable':
        return restoreStable(record)
      case 'restore-route':
        return write(record, ({ metadata }) =>
          metadata.annotations?.[RELEASE] === undefined ? [] : [{ op: 'remove', path: MARK }],
        )
      case 'freeze-autoscalers':
        return scaling.freeze(record)
      case 'restore-autoscalers':
        return scaling.restore(record)
      default:
        return done(record)
    }
  }

  const lookAt = async (record: ReleaseRecord): Promise<RolloutLook> => {
    const read = await argo.read()
    const entry = record.touched.find(({ role }) => role === 'stable')
    const uid = entry !== undefined && 'uid' in entry.ref ? entry.ref.uid : undefined
    const at = clock.now()
    if (read === undefined || (uid !== undefined && read.rollout.metadata.uid !== uid)) return { ...NOTHING, at }
    const { container } = settingsOf(record).setup
    const image = imageText(record.canary.body as unknown as PodTemplate, container)
    const canary = setRunning(read, { container, image })
    const standing = standingOf(read)
    const canaryHash = hashOf(canary)
    return {
      at,
      rollout: read.rollout,
      standing,
      stable: setOf(read.sets, standing.stableHash),
      canary,
      canaryHash,
      keptUntil: keptUntil(canary),
      pods: canaryHash === '' ? [] : await podsOf(read, canaryHash),
    }
  }

  const podsOf = async ({ rollout }: RolloutRead, hash: string): Promise<readonly Pod[]> => {
    const labels = { ...rollout.spec.selector?.matchLabels, [POD_HASH]: hash }
    const pods = await cluster.list<Pod>({ apiVersion: 'v1', resource: 'pods', namespace }, { labels })
    return pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined)
  }

  return {
    ...(cluster.credentialEnd === undefined ? {} : { credentialEnd: cluster.credentialEnd }),
    survey: () => survey(cluster, namespace, argo),
    preflight: async (settings, canary, allow) => {
      const read = await argo.read()
      if (read === undefined) return { findings: [], touched: [] }
      const image = imageText(canary.body as unknown as PodTemplate, settings.setup.container)
      const findings = rolloutFindings(read, { where, weights: given.weights, image, tester: settings.tester !== null })
      const scaled = await scaling.preflight(given.deployment, read.rollout.spec.replicas ?? 1, 'Rollout')
      const live = read.rollout as unknown as Deployment
      const tracked = await tracking({ cluster, allow }, settings, { live, changes: scaled.touched })
      return {
        findings: [...findings, ...scaled.findings, ...tracked],
        touched: [stableEntry(read.rollout, namespace), ...scaled.touched],
      }
    },
    stamp: (record, what) =>
      safely(async () => {
        const result = await write(record, () => [])
        return result.kind === 'refused' || what === 'stable' ? result : scaling.stamp(record)
      }),
    perform: (command, record) => safely(() => perform(command, record)),
    observe: async (record) => {
      const [look, scaled] = await Promise.all([lookAt(record), scaling.look(record)])
      return { ...rolloutWorld(record, look), ...(scaled === undefined ? {} : { autoscalers: scaled }) }
    },
    authorOf: async (_record, what) => {
      // A weight is always written by the controller, whoever told it to.
      const path = { 'stable-replicas': 'replicas', 'stable-template': 'template' } as const
      if (what !== 'stable-replicas' && what !== 'stable-template') return undefined
      const rollout = (await argo.read())?.rollout
      return rollout === undefined ? undefined : authorOf(rollout, ['spec', path[what]])
    },
  }
}

/** Hands that fit what a release was begun with; before there is one, what was asked for. */
export const handsFor = (
  asked: Settings['router'],
  hands: { readonly rollout: Ports['cluster']; readonly deployment: Ports['cluster'] },
): Ports['cluster'] => {
  const of = (router: Settings['router']): Ports['cluster'] =>
    router === 'argo-rollouts' ? hands.rollout : hands.deployment
  return {
    ...hands.deployment,
    survey: () => of(asked).survey(),
    preflight: (settings, canary, allow) => of(settings.router).preflight(settings, canary, allow),
    stamp: (record, what) => of(settingsOf(record).router).stamp(record, what),
    perform: (command, record) => of(settingsOf(record).router).perform(command, record),
    observe: (record) => of(settingsOf(record).router).observe(record),
    authorOf: (record, what) => of(settingsOf(record).router).authorOf(record, what),
  }
}

const NOTHING = {
  rollout: undefined,
  standing: undefined,
  stable: undefined,
  canary: undefined,
  canaryHash: '',
  keptUntil: undefined,
  pods: [],
} as const
const MARK = pointerOf('metadata', 'annotations', RELEASE)

const markOf = (record: ReleaseRecord): PatchOperation => ({ op: 'add', path: MARK, value: releaseMark(record) })

const weightsOf = ({ plan }: ReleaseRecord): readonly number[] => plan.steps.map(({ weight }) => weight)

const imageText = (template: PodTemplate, container: string): string =>
  template.spec.containers.find(({ name }) => name === container)?.image ?? ''

const stableEntry = ({ apiVersion, metadata }: Rollout, namespace: string): Touched => ({
  ref: { apiVersion, kind: 'Rollout', namespace, name: metadata.name, uid: metadata.uid ?? '' },
  role: 'stable',
  created: false,
  before: [],
})

const done = async ({ touched }: ReleaseRecord): Promise<Performed> => ({ kind: 'done', touched })

type Refused = Extract<Performed, { kind: 'refused' }>
const refused = (cause: Refused['cause'], text: string): Refused => ({ kind: 'refused', cause, text })

const performed = (record: ReleaseRecord, result: FencedResult<Rollout>, where: string): Performed => {
  switch (result.kind) {
    case 'written':
      return { kind: 'done', touched: record.touched }
    case 'fenced':
      return refused('fenced', result.text)
    case 'absent':
      return refused('upstream', `${where} is not there`)
    case 'refused':
      return result
  }
}

const safely = async (act: () => Promise<Performed>): Promise<Performed> => {
  try {
    return await act()
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
    return refused(causeOf(thrown), describe(thrown))
  }
}

/** What a release of a Rollout would have to live with. Argo Rollouts makes the pods, by labels of its own, so no policy of the namespace changes its match. */
const survey = async (cluster: Cluster, namespace: string, argo: ArgoRollout): Promise<Snapshot> => {
  const read = await argo.read()
  const claims = read?.rollout.spec.template?.spec?.volumes as
    | readonly { readonly persistentVolumeClaim?: unknown }[]
    | undefined
  const mounted = claims?.some((volume) => volume.persistentVolumeClaim !== undefined) === true
  const volumes: Resource = { apiVersion: 'v1', resource: 'persistentvolumeclaims', namespace }
  const unread: Snapshot['unread'][number][] = []
  const found = mounted
    ? await cluster.list<KubernetesObject>(volumes).catch((thrown: unknown) => {
        if (!(thrown instanceof Fault)) throw thrown
        unread.push({ what: 'PersistentVolumeClaims', why: describe(thrown) })
        return []
      })
    : []
  return {
    deployment: read?.rollout as unknown as Deployment | undefined,
    // One that takes its template from elsewhere is refused for that, and nothing else of it means anything.
    ...(read === undefined || read.rollout.spec.template === undefined ? {} : { standing: standingOf(read) }),
    services: [],
    policies: [],
    budgets: [],
    autoscalers: [],
    claims: found,
    taken: [],
    unread,
  }
}
