import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { features, terms } from '../src/features.ts'
import { classify, readModel, writeModel } from '../src/model.ts'
import { accuracy, readTickets, SETTINGS, split, train } from '../src/training.ts'

const file = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')
// Compared by hash: a difference of 60 kB of base64 helps nobody.
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
const tickets = readTickets(file('data/tickets.tsv'))
const { train: training, heldOut } = split(tickets)

describe('the model file', () => {
  test('training again gives the same bytes', () => {
    expect(sha256(writeModel(train(training, SETTINGS)))).toBe(sha256(file('model/intents.model')))
  })

  test('another seed gives another model, so the comparison of bytes can fail', () => {
    expect(sha256(writeModel(train(training, { ...SETTINGS, seed: 1 })))).not.toBe(sha256(file('model/intents.model')))
  })

  test('at least 70 % of the held-out tickets are put where their label says; guessing would be 17 %', () => {
    const { right, of } = accuracy(readModel(file('model/intents.model')), heldOut)
    expect(of).toBe(60)
    expect(right / of).toBeGreaterThanOrEqual(0.7)
  })

  test('no held-out ticket is among the training tickets', () => {
    const trained = new Set(training.map(({ text }) => text))
    expect(heldOut.filter(({ text }) => trained.has(text))).toEqual([])
    expect(training.length + heldOut.length).toBe(tickets.length)
  })

  test.each([
    { name: 'a weight short', change: (bytes: Buffer) => bytes.subarray(2) },
    { name: 'no weights', change: () => Buffer.alloc(0) },
  ])('a model file with $name is refused', ({ change }) => {
    const model = JSON.parse(file('model/intents.model'))
    const weights = change(Buffer.from(model.weights, 'base64')).toString('base64')
    expect(() => readModel(JSON.stringify({ ...model, weights }))).toThrow(/weights/)
  })
})

describe('a classification', () => {
  const model = readModel(file('model/intents.model'))

  test.each([
    { text: 'My invoice is wrong, I was charged twice', intent: 'billing' },
    { text: 'I forgot my password and cannot log in', intent: 'account' },
    { text: 'Where is my parcel, the tracking does not move', intent: 'delivery' },
    { text: 'Please cancel my subscription', intent: 'cancel' },
  ])('"$text" is for $intent', ({ text, intent }) => {
    expect(classify(model, text).intent).toBe(intent)
  })

  test('scores are probabilities over all intents, most likely first', () => {
    const { scores } = classify(model, 'The app crashes')
    expect(scores.map(({ intent }) => intent).sort()).toEqual([...model.intents])
    expect(scores.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 2)
    expect(scores.map(({ probability }) => probability)).toEqual(
      scores.map(({ probability }) => probability).sort((a, b) => b - a),
    )
  })

  test('a text without a word is still answered', () => {
    expect(model.intents).toContain(classify(model, '?!').intent)
  })
})

describe('features', () => {
  test('are of length one', () => {
    const length = [...features('refund refund please', 512).values()].reduce((sum, value) => sum + value * value, 0)
    expect(length).toBeCloseTo(1, 12)
  })

  test('words of any script count', () => {
    expect(terms('Wo bleibt die Rückzahlung? 请退款')).toEqual(expect.arrayContaining(['rückzahlung', '请退款']))
  })
})

test.each([
  { name: 'a line without a tab', tsv: 'intent\ttext\nbilling only', says: /Line 2/ },
  { name: 'a line with two tabs', tsv: 'intent\ttext\nbilling\ta\tb', says: /Line 2/ },
])('$name is refused by its number', ({ tsv, says }) => {
  expect(() => readTickets(tsv)).toThrow(says)
})
