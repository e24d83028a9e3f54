import type { FaultName } from '../arguments.ts'

/** One sentence of the result, with what was to be and what was read back. */
export type Claim = {
  readonly release: string
  readonly text: string
  readonly expected: string
  readonly actual: string
  readonly ok: boolean
}

/** What a run of an action told its runner. */
export type Told = {
  readonly code: number | undefined
  readonly signal: string | undefined
  readonly verdict: string
  readonly reasonCode: string
}

/** What was read back about one release once it had ended. Images are digests. */
export type ReleaseFacts = {
  readonly name: string
  /** What the service calls it in its answers. */
  readonly label: string
  readonly previousLabel: string
  readonly fault: FaultName
  readonly image: string
  readonly previousImage: string
  readonly deploy: Told
  readonly smoke: Told
  readonly canary: Told
  /** With `--kill`: the run that came after, and whether canary pods still had a weight when the first one was gone. */
  readonly reap?: { readonly told: Told; readonly weightAtDeath: number }
  readonly held: boolean
  readonly after: {
    readonly image: string
    readonly desired: number
    readonly updated: number
    readonly available: number
    readonly routeAsBefore: boolean
    readonly canaryWeight: number
    readonly leftovers: readonly string[]
    readonly recorded: string
  }
  readonly clients: {
    readonly sent: number
    /** Failed without an answer of the service: gateway errors, broken connections, time-outs. */
    readonly beyondService: number
    readonly byService: number
    readonly fromCanary: number
    /** Answers after the end, by the release that answered. */
    readonly settled: Readonly<Record<string, number>>
    readonly settledFailed: number
  }
}

/** The end that a fault demands. Recovery after a kill ends a release that was being analysed by taking it back. */
export const expectedVerdict = (fault: FaultName, killed: boolean): 'promoted' | 'rolled-back' =>
  killed || !(fault === 'none' || fault === 'outage') ? 'rolled-back' : 'promoted'

/**
 * Everything that must be true of a release that has ended, each with what the cluster and the clients say.
 * A release passes when all of them hold.
 */
export const claimsOf = (facts: ReleaseFacts): readonly Claim[] => {
  const verdict = expectedVerdict(facts.fault, facts.reap !== undefined)
  const promoted = verdict === 'promoted'
  const image = promoted ? facts.image : facts.previousImage
  const label = promoted ? facts.label : facts.previousLabel
  const claim = (text: string, expected: string, actual: string, ok = expected === actual): Claim => ({
    release: facts.name,
    text,
    expected,
    actual,
    ok,
  })
  const { after, clients, reap } = facts
  // A canary that hangs answers nothing: what it got is what was lost.
  const reached = clients.fromCanary + (facts.fault === 'hang' ? clients.beyondService : 0)
  const settled = Object.entries(clients.settled)
  const total = settled.reduce((sum, [, count]) => sum + count, 0)
  return [
    claim('deploy to staging', 'pass, exit 0', told(facts.deploy)),
    claim('smoke-test of staging', 'pass, exit 0', told(facts.smoke)),
    ...(reap === undefined
      ? [claim('canary-promote in production', `${verdict}, exit ${promoted ? 0 : 1}`, told(facts.canary))]
      : [
          claim('canary-promote was killed', 'SIGKILL', facts.canary.signal ?? `exit ${facts.canary.code}`),
          claim(
            'traffic went to the canary when it died',
            'weight above 0',
            `weight ${reap.weightAtDeath}`,
            reap.weightAtDeath > 0,
          ),
          claim('the next run cleaned up', `${verdict}, exit 0`, told(reap.told)),
        ]),
    ...(facts.fault === 'outage' && reap === undefined
      ? [claim('held while stable failed as well', 'held', facts.held ? 'held' : 'not held')]
      : []),
    claim('image of the live Deployment', short(image), short(after.image)),
    claim(
      'its pods, all new and available',
      `${after.desired} of ${after.desired}`,
      `${Math.min(after.available, after.updated)} of ${after.desired}`,
      after.desired > 0 && after.available === after.desired && after.updated === after.desired,
    ),
    claim(
      'HTTPRoute',
      'as before the release',
      after.routeAsBefore ? 'as before the release' : `canary weight ${after.canaryWeight}`,
    ),
    claim('objects left behind', 'none', after.leftovers.length === 0 ? 'none' : after.leftovers.join(', ')),
    claim('saved state', `done, ${verdict}`, after.recorded),
    claim(
      'who answers after the end, by the clients',
      `only ${label}`,
      total === 0 ? 'nobody' : settled.map(([name, count]) => `${count} ${name === '' ? 'nameless' : name}`).join(', '),
      total > 0 && clients.settled[label] === total,
    ),
    claim('failed requests after the end', '0', String(clients.settledFailed)),
    ...(facts.fault === 'none' && reap === undefined
      ? [
          claim('failed requests that the service did not answer', '0', String(clients.beyondService)),
          claim('failed requests of the service itself', '0', String(clients.byService)),
        ]
      : []),
    facts.fault === 'never-ready'
      ? claim('answers of the canary', '0', String(clients.fromCanary))
      : claim('the canary had traffic', 'at least 1 request', `${reached} requests`, reached > 0),
  ]
}

const told = ({ verdict, code, signal }: Told): string =>
  `${verdict || 'no verdict'}, ${signal ?? `exit ${code ?? '?'}`}`

const short = (digest: string): string => (digest.startsWith('sha256:') ? digest.slice(0, 19) : digest || 'none')
