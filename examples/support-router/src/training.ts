import { createHash } from 'node:crypto'
import { type Features, features } from './features.ts'
import { classify, type Model, softmax } from './model.ts'

/** One labelled example. */
export type Ticket = { readonly intent: string; readonly text: string }

/** Reads `intent<TAB>text` lines under one head line. @throws Error naming the line that is not of that form */
export const readTickets = (tsv: string): readonly Ticket[] =>
  tsv
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line, index) => {
      const [intent, text, ...more] = line.split('\t')
      if (!intent || !text || more.length > 0) throw new Error(`Line ${index + 2} is not intent<TAB>text: ${line}`)
      return { intent, text }
    })

/** Every fifth ticket of each intent is held out: it is never trained on, and accuracy is reported on it alone. */
export const split = (
  tickets: readonly Ticket[],
): { readonly train: readonly Ticket[]; readonly heldOut: readonly Ticket[] } => {
  const seen = new Map<string, number>()
  const train: Ticket[] = []
  const heldOut: Ticket[] = []
  for (const ticket of tickets) {
    const count = (seen.get(ticket.intent) ?? 0) + 1
    seen.set(ticket.intent, count)
    ;(count % 5 === 0 ? heldOut : train).push(ticket)
  }
  return { train, heldOut }
}

/** `rate` falls as 1/(1 + epoch/10); `decay` is L2 per step; `seed` orders the tickets of each epoch. */
export type Settings = {
  readonly buckets: number
  readonly epochs: number
  readonly rate: number
  readonly decay: number
  readonly seed: number
}

/** Chosen by five-fold cross-validation on the training tickets alone. */
export const SETTINGS: Settings = { buckets: 4096, epochs: 20, rate: 1, decay: 0.01, seed: 20260901 }

/**
 * Multinomial logistic regression by stochastic gradient descent, in one fixed order of tickets: the same tickets and settings
 * give the same weights. The version is the hash of the weights, so two models of one name are the same model.
 */
export const train = (tickets: readonly Ticket[], { buckets, epochs, rate, decay, seed }: Settings): Model => {
  const intents = [...new Set(tickets.map(({ intent }) => intent))].sort()
  const examples = tickets.map(({ intent, text }) => ({
    label: intents.indexOf(intent),
    present: features(text, buckets),
  }))
  const rows = intents.map(() => new Float64Array(buckets + 1))
  const random = mulberry32(seed)
  for (let epoch = 0; epoch < epochs; epoch++) {
    const step = rate / (1 + epoch / 10)
    for (const example of shuffled(examples, random)) learn(rows, example, { step, decay, bias: buckets })
  }
  const weights = Int16Array.from(rows.flatMap((row) => [...row].map((weight) => clamp(Math.round(weight * 1000)))))
  const version = createHash('sha256').update(new Uint8Array(weights.buffer)).digest('hex').slice(0, 12)
  return { version, intents, buckets, weights }
}

/** Of the tickets, how many the model puts where their label says. */
export const accuracy = (
  model: Model,
  tickets: readonly Ticket[],
): { readonly right: number; readonly of: number } => ({
  right: tickets.filter(({ intent, text }) => classify(model, text).intent === intent).length,
  of: tickets.length,
})

type Example = { readonly label: number; readonly present: Features }

const learn = (
  rows: readonly Float64Array[],
  { label, present }: Example,
  { step, decay, bias }: { readonly step: number; readonly decay: number; readonly bias: number },
): void => {
  const at = (row: Float64Array, index: number): number => row[index] ?? 0
  const logits = rows.map((row) => {
    let sum = at(row, bias)
    for (const [bucket, value] of present) sum += value * at(row, bucket)
    return sum
  })
  softmax(logits).forEach((probability, intent) => {
    const row = rows[intent]
    if (row === undefined) return
    const error = probability - (intent === label ? 1 : 0)
    row[bias] = at(row, bias) - step * 0.1 * error
    for (const [bucket, value] of present) {
      row[bucket] = at(row, bucket) * (1 - step * decay) - step * error * value
    }
  })
}

const clamp = (weight: number): number => Math.max(-32_768, Math.min(32_767, weight))

/** Fisher and Yates. */
const shuffled = <T>(items: readonly T[], random: () => number): readonly T[] => {
  const deck = [...items]
  for (let last = deck.length - 1; last > 0; last--) {
    const pick = Math.floor(random() * (last + 1))
    const taken = deck[last] as T
    deck[last] = deck[pick] as T
    deck[pick] = taken
  }
  return deck
}

/** A small generator of numbers in [0, 1) whose whole state is one 32-bit seed (Tommy Ettinger's mulberry32). */
const mulberry32 = (seed: number): (() => number) => {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
