/**
 * The shapes of a release's state: what is saved in the cluster, what the state machine sees and what it asks for.
 * Times are milliseconds UTC, weights whole percent of the traffic. Decision record: docs/decisions/0002-release-state.md.
 */
export type Digest = `sha256:${string}`

/** What JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/** Repository and digest travel apart: a masked word in one must not drop the other. */
export type Image = { readonly repository: string; readonly digest: Digest }

/** The run that writes: `job` tells parallel jobs of one run apart. */
export type Owner = {
  readonly repository: string
  readonly runId: string
  readonly attempt: number
  readonly job: string
}

/** One object of the cluster; `uid` tells it from a later one of the same name. */
export type Ref = {
  readonly apiVersion: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly uid: string
}

/** One object the release changes or creates: the inventory that cleanup works from. */
export type Touched = {
  /** Without `uid`: intended, not yet created. */
  readonly ref: Ref | Omit<Ref, 'uid'>
  readonly role:
    | 'stable'
    | 'canary'
    | 'service'
    | 'policy'
    | 'baseline'
    | 'baseline-service'
    | 'baseline-policy'
    | 'route'
    | 'autoscaler'
    | 'config'
    | 'guard'
  readonly created: boolean
  /**
   * Values to give back, by JSON pointer. Without `value`: was absent, and is made absent again. `ours`: what the release writes there, where only
   * that is to be taken back; without it the release makes the value absent.
   */
  readonly before: readonly { readonly path: string; readonly value?: Json; readonly ours?: Json }[]
}

/** A pod template in canonical form: the unit of analysis. `hash` covers `body`. */
export type Template = { readonly hash: string; readonly image: Image; readonly body: Json }

/** How a release can end. Only `promoted` is green by itself. */
export type Verdict = 'promoted' | 'rolled-back' | 'superseded' | 'inconclusive' | 'error'

/** `code` is stable API; `text` says what was measured against what limit; `next` what to do. */
export type Reason = { readonly code: string; readonly text: string; readonly next: string }

/**
 * One step of the plan: the canary's share and how long it is watched there. `mirror`: the percent of stable's requests that are copied to the canary,
 * whose answers nobody sees; its weight is then 0.
 */
export type Step = { readonly weight: number; readonly mirror?: number; readonly hold: number }

/**
 * What the state machine needs to know of the plan. `maxHold`, `drain`, `lease` and `readyWithin` in ms.
 * `split`: by weights of a router, by the share of pods behind one Service (then the canary's size is its weight), or by a controller of the cluster
 * that makes the canary, sizes it and raises its first weight as soon as the canary's template is written.
 * `baseline: 'fresh'`: the previous template stands beside stable a second time while steps are watched, with the canary's size, age and weight. Absent: stable
 * itself is what the canary is compared with.
 * The metrics' part of the plan is the caller's own and travels as `metrics`.
 */
export type Plan = {
  readonly split: 'weights' | 'replicas' | 'controller'
  readonly baseline?: 'fresh'
  readonly steps: readonly Step[]
  readonly interval: number
  readonly minRequests: number
  readonly maxHold: number
  readonly onInconclusive: 'hold' | 'promote' | 'rollback'
  readonly drain: number
  readonly lease: number
  readonly readyWithin: number
  /** Headroom percent kept free when the canary is sized: canary = ⌈w·N/(100 − headroom)⌉. */
  readonly headroom: number
  readonly minCanary: number
  readonly metrics: Json
}

/** Saved as ConfigMap `sluice-<deployment>`, one key per field, each JSON. Never deleted. */
export type ReleaseRecord = {
  readonly schema: 'sluice.dev/release/v1'
  readonly writer: string
  /** Fencing token: a taker adds one by compare-and-set before its first decision. */
  readonly epoch: number
  readonly owner: Owner
  readonly plan: Plan
  readonly state: State
  readonly stable: Template
  readonly canary: Template
  /** Stable's replicas before the release: what it is given back. */
  readonly stableReplicas: number
  readonly touched: readonly Touched[]
  readonly evidence: Json
  /** What others changed of the release's objects and was put right, oldest first. Absent: nothing. */
  readonly foreign?: readonly Foreign[]
  /** Steps that were not conclusive when `max-hold` was over and that the plan passed all the same, oldest first. Absent: none. */
  readonly overruled?: readonly Overruled[]
  readonly startedAt: number
  readonly deadline: number
  /** The last ten releases, newest last. */
  readonly history: readonly {
    readonly image: Image
    readonly hash: string
    readonly verdict: Verdict
    readonly at: number
  }[]
}

/** A step that `on-inconclusive: promote` passed, and what had held it. `at` in ms UTC. */
export type Overruled = { readonly step: number; readonly why: Reason; readonly at: number }

/** What others may change under a release and can be put right by writing it again. */
export type Changed = 'weight' | 'canary-replicas' | 'baseline-replicas' | 'stable-replicas'

/** One change that somebody else made. `by`: the field manager that wrote it, where the cluster tells. `open`: not seen right again yet. */
export type Foreign = {
  readonly what: Changed
  readonly text: string
  readonly by?: string
  readonly at: number
  readonly open: boolean
}

/** Towards the canary's template everywhere, or towards the previous one. */
export type Direction = 'forward' | 'back'

/**
 * The way down from the canary's weight, chosen once. `verdict` and `why` are what `done` will say.
 * `restore`: promotion had begun, so stable is given its previous template (only while ours is the live one).
 */
export type Way = {
  readonly to: Direction
  readonly verdict: Verdict
  readonly why: Reason
  readonly restore: boolean
}

/**
 * `since`: when the phase began, or was taken over. In `holding` it stays the start of the step's watch and `held` is the start of the holding;
 * `blind` as in the judgement; `person`: `max-hold` is over, and only more requests or a person end it before the deadline.
 * `promoting.cancelled`: its run was told to stop; nobody acts until a takeover, which clears it. `promoting.parted`: when the fresh baseline
 * was first seen out of a route that its controller had taken.
 * `lowering.weight`: the weight asked for now, `lowering.baseline` the fresh baseline's; absent: none. `lowering.refused`: the route was not written, in the cluster's words: on the way back the canary's Service
 * is then led to stable's pods, on the way forward 0 is asked for as soon as stable carries everything. `cleaning.whole`: stable was seen whole and only the autoscalers are still to be given back.
 */
export type State =
  | { readonly phase: 'preparing'; readonly step: number; readonly since: number }
  | { readonly phase: 'raising'; readonly step: number; readonly since: number }
  | { readonly phase: 'analysing'; readonly step: number; readonly since: number }
  | {
      readonly phase: 'holding'
      readonly step: number
      readonly since: number
      readonly held: number
      readonly why: Reason
      readonly blind?: true
      readonly person?: true
    }
  | { readonly phase: 'promoting'; readonly since: number; readonly cancelled: boolean; readonly parted?: number }
  | ({
      readonly phase: 'lowering'
      readonly weight: number
      readonly baseline?: number
      readonly since: number
      readonly refused?: string
    } & Way)
  | ({ readonly phase: 'draining'; readonly since: number } & Way)
  | ({ readonly phase: 'cleaning'; readonly since: number; readonly whole?: true } & Way)
  | { readonly phase: 'done'; readonly verdict: Verdict; readonly why: Reason; readonly at: number }

/** The state in one of the named phases. */
export type StateIn<Phase extends State['phase']> = Extract<State, { readonly phase: Phase }>

/** What one look at the cluster saw. */
export type World = {
  readonly at: number
  /**
   * `written`: the route's weight as read back, 0 when the canary is not in it; `accepted`: its controller took it;
   * `marked`: a route object still carries something of ours (a canary backend, an epoch mark). `mirrored`: percent of requests that are copied
   * to the canary; absent: none. `baseline`: the fresh baseline's percent of the requests; absent: none.
   */
  readonly weight: {
    readonly written: number
    readonly accepted: boolean
    readonly marked: boolean
    readonly mirrored?: number
    readonly baseline?: number
    /** No router splits: a weight comes to the share of pods that is nearest. Said where the plan does not say it. */
    readonly byPods?: boolean
  }
  /**
   * `available`: pods that can serve, of whatever template. `hash`: the live Deployment's template.
   * `rolledOut`: every pod is of that template and available, at the observed generation.
   */
  readonly stable: {
    readonly desired: number
    readonly available: number
    readonly hash: string
    readonly rolledOut: boolean
  }
  readonly canary?: Pods
  /** The fresh baseline's Deployment; absent where the plan asks for none, too. */
  readonly baseline?: Pods
  /** The canary's Service exists. Read with `split: weights` only. */
  readonly service: boolean
  /** The fresh baseline's Service exists. */
  readonly baselineService?: boolean
  /** The canary's Service, and the fresh baseline's where there is one, select stable's pods: what the route sends them is answered by the previous template. */
  readonly diverted?: boolean
  /**
   * The autoscalers of the inventory, absent when it has none. `frozen`: none of them may shrink stable, or a person decided otherwise since;
   * `marked`: one of them still carries something of ours.
   */
  readonly autoscalers?: { readonly frozen: boolean; readonly marked: boolean }
  /** What differs from what this run wrote. Only a run that saw or wrote a value can tell; see foreign.ts. */
  readonly foreign?: readonly Difference[]
  /** Stable carries its previous template again, after this run had given it the analysed one; see foreign.ts. */
  readonly undone?: Undone
  /** The canary's counters stood still for two reads. Absent: not measured in this look. */
  readonly drained?: boolean
  /** Created objects of the inventory that still exist, also while they are being deleted. */
  readonly leftovers: number
}

/**
 * A Deployment that stands beside stable. `restarts` is for the judge. `failed`: why pods do not come; code `environment` when the cluster, not the image, is
 * the cause. `hash`: its template as stable would carry it.
 */
export type Pods = {
  readonly desired: number
  readonly ready: number
  readonly restarts: number
  readonly hash: string
  readonly failed?: Reason
}

/** A value that is not the one that was written, and the one that was. `by` as in `Foreign`. */
export type Difference = {
  readonly what: Changed
  readonly text: string
  readonly wanted: number
  readonly by?: string
}

/** `sure`: a second look in a row saw it, so that no late answer passes for a person. `by` as in `Foreign`. */
export type Undone = { readonly sure: boolean; readonly by?: string }

/**
 * `pass`: enough was counted and nothing is wrong; `continue`: not enough yet, `why` says what is missing. The step's hold is watched by `next`, not by the
 * judge. `blind`: of one side nothing that can be trusted was counted in this step, which no plan may promote on.
 */
export type Judgement =
  | { readonly kind: 'continue'; readonly why?: Reason; readonly blind?: true }
  | { readonly kind: 'pass' }
  | { readonly kind: 'reject'; readonly why: Reason }
  | { readonly kind: 'hold' | 'inconclusive'; readonly why: Reason; readonly blind?: true }

/** What can happen to a release. Times in ms UTC. */
export type Event =
  | { readonly kind: 'observed'; readonly world: World }
  | { readonly kind: 'judged'; readonly at: number; readonly judgement: Judgement }
  | { readonly kind: 'cancelled' | 'aborted'; readonly at: number }
  | { readonly kind: 'taken-over'; readonly at: number; readonly mode: 'resume' | 'reap'; readonly owner: Owner }
  | {
      readonly kind: 'refused'
      readonly at: number
      readonly command: Command
      readonly cause: 'fenced' | 'forbidden' | 'environment' | 'upstream'
      readonly text: string
    }

/** All commands are idempotent: doing one twice, or again after a crash half way, ends the same. */
export type Command =
  | {
      readonly do: 'apply'
      readonly role: 'canary' | 'service' | 'baseline' | 'baseline-service'
      readonly replicas?: number
    }
  /**
   * `mirror`: percent of requests that are copied to the canary as well; absent: none, and one that was there is taken out. `baseline`: the fresh baseline's
   * percent, in the same write; absent: none, and what it had goes to stable.
   */
  | { readonly do: 'weight'; readonly to: number; readonly mirror?: number; readonly baseline?: number }
  | { readonly do: 'scale'; readonly role: 'stable' | 'canary' | 'baseline'; readonly to: number }
  | {
      readonly do:
        | 'restore-route'
        | 'write-stable'
        | 'restore-stable'
        | 'remove-created'
        | 'freeze-autoscalers'
        | 'restore-autoscalers'
        | 'divert-service'
    }

/** The shape of the state machine: what a release becomes by an event, and what is to be done for it, in order. */
export type Next = (
  record: ReleaseRecord,
  event: Event,
) => { readonly record: ReleaseRecord; readonly commands: readonly Command[] }
