import type { Scrape } from '@sluice/evidence/reading'
import type { Finding } from '@sluice/kit/report'
import type { Changed, Command, Event, Owner, ReleaseRecord, Template, Touched, World } from '@sluice/release/record'
import type { Snapshot } from './obstacles.ts'
import type { Settings } from './plan.ts'

/** The outside, as the order of events sees it. Reads and writes throw `Fault('upstream')` when the API server cannot be reached or refuses a read. */
export type Ports = {
  readonly metrics: {
    /** Reads one pod a side; says what would keep the source from being trusted. */
    preflight(settings: Settings, interval: number): Promise<readonly Finding[]>
    read(record: ReleaseRecord): Promise<Scrape>
    /** By metric, what it is read by, as far as the reads so far have shown it: for the report. */
    queries(record: ReleaseRecord): { readonly [metric: string]: string }
  }
  readonly lease: {
    /**
     * `duration` in ms. `force` takes it from a live holder, too: for an operator's abort, and for a run that ends its own release. `still`: watched for
     * that long, ms, whoever holds it or nobody; absent: one lease duration of its holder, and one that nobody holds is taken at once.
     */
    take(
      owner: Owner,
      given: { readonly epoch: number; readonly duration: number; readonly force: boolean; readonly still?: number },
    ): Promise<'taken' | 'busy'>
    renew(): Promise<'held' | 'lost'>
    release(): Promise<void>
  }
  readonly record: {
    load(): Promise<Saved | undefined>
    /** Compare-and-set. Without a version: the record must not be there yet. */
    save(record: ReleaseRecord, version?: string): Promise<{ readonly version: string } | 'conflict'>
  }
  readonly cluster: {
    /** When the credential ends that nothing renews, ms UTC; absent where it is renewed, or does not say. */
    readonly credentialEnd?: number
    /** One read of the namespace. */
    survey(): Promise<Snapshot>
    /**
     * The router's own findings, what it will change and who else keeps that, and a dry run of what will be created. Reads only.
     * `allow`: what the plan accepts by name. `rehearsed`: one of the pods was part of the dry run.
     */
    preflight(
      settings: Settings,
      canary: Template,
      allow: readonly string[],
    ): Promise<{
      readonly findings: readonly Finding[]
      readonly touched: readonly Touched[]
      readonly rehearsed?: boolean
    }>
    /**
     * Raises the epoch, so that writes of an earlier owner are refused. `all`: on every object already touched, the route first, the others whatever
     * becomes of one of them; `stable`: on the Deployment only, which alone keeps its mark from release to release.
     */
    stamp(record: ReleaseRecord, what: 'all' | 'stable'): Promise<Performed>
    perform(command: Command, record: ReleaseRecord): Promise<Performed>
    observe(record: ReleaseRecord): Promise<World>
    /** The field manager that wrote a value last, where the cluster tells; absent where it does not, or where it was this release. */
    authorOf(record: ReleaseRecord, what: Changed | 'stable-template'): Promise<string | undefined>
  }
  readonly clock: Clock
  /** Aborted by the first signal to stop. */
  readonly cancelled: AbortSignal
  /** One line of the log. */
  readonly say: (line: string) => void
}

/** A record with the resourceVersion it was read at: what a compare-and-set needs. */
export type Saved = { readonly record: ReleaseRecord; readonly version: string }

/** `now` in ms UTC, `monotonic` in ms from any start. `sleep` ends early when the run is cancelled. */
export type Clock = {
  readonly now: () => number
  readonly monotonic: () => number
  readonly sleep: (ms: number) => Promise<void>
}

/** `touched`: the inventory with the UIDs that the command found or made. */
export type Performed =
  | { readonly kind: 'done'; readonly touched: readonly Touched[] }
  | Pick<Extract<Event, { kind: 'refused' }>, 'kind' | 'cause' | 'text'>
