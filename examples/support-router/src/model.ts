import { features } from './features.ts'

/**
 * A linear classifier. `weights` holds `intents × (buckets + 1)` thousandths, row by row, the last of a row is the intent's bias;
 * whole numbers, so that the file is the same bytes wherever it is trained.
 */
export type Model = {
  readonly version: string
  readonly intents: readonly string[]
  readonly buckets: number
  readonly weights: Int16Array
}

/** `scores` are probabilities over all intents, most likely first; `intent` is the first. */
export type Classification = {
  readonly intent: string
  readonly scores: readonly { readonly intent: string; readonly probability: number }[]
}

/** Softmax over the linear scores of a ticket's features. A text without a single word gets the biases alone. */
export const classify = (model: Model, text: string): Classification => {
  const row = model.buckets + 1
  const present = features(text, model.buckets)
  const logits = model.intents.map((_, intent) => {
    let sum = model.weights[intent * row + model.buckets] ?? 0
    for (const [bucket, value] of present) sum += value * (model.weights[intent * row + bucket] ?? 0)
    return sum / 1000
  })
  const probabilities = softmax(logits)
  const scores = model.intents
    .map((intent, index) => ({ intent, probability: Number((probabilities[index] ?? 0).toFixed(4)) }))
    .sort((a, b) => b.probability - a.probability)
  return { intent: scores[0]?.intent ?? '', scores }
}

/** Probabilities from logits; the largest is taken off first, so that no exponential overflows. */
export const softmax = (logits: readonly number[]): readonly number[] => {
  const largest = Math.max(...logits)
  const powers = logits.map((logit) => Math.exp(logit - largest))
  const total = powers.reduce((sum, power) => sum + power, 0)
  return powers.map((power) => power / total)
}

/** The model file: JSON, the weights in base64 as little-endian 16-bit integers. */
export const writeModel = ({ version, intents, buckets, weights }: Model): string => {
  const bytes = Buffer.alloc(weights.length * 2)
  weights.forEach((weight, index) => {
    bytes.writeInt16LE(weight, index * 2)
  })
  return `${JSON.stringify({ version, intents, buckets, weights: bytes.toString('base64') }, null, 2)}\n`
}

/** @throws Error when the file is not a model, or its weights are not as many as its intents and buckets ask for */
export const readModel = (source: string): Model => {
  const { version, intents, buckets, weights } = JSON.parse(source)
  const bytes = Buffer.from(String(weights), 'base64')
  if (typeof version !== 'string' || !Array.isArray(intents) || !Number.isInteger(buckets))
    throw new Error('Not a model file: version, intents and buckets are needed')
  const expected = intents.length * (buckets + 1)
  if (bytes.length !== expected * 2)
    throw new Error(`The model file holds ${bytes.length / 2} weights, ${expected} are needed`)
  return {
    version,
    intents: intents.map(String),
    buckets,
    weights: Int16Array.from({ length: expected }, (_, index) => bytes.readInt16LE(index * 2)),
  }
}
