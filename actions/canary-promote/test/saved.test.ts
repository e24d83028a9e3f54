import { describe, expect, test } from 'vitest'
import { run } from '../src/run.ts'
import { fromData, toData } from '../src/saved.ts'
import { asked, simulate } from './simulation.ts'

const saved = async () => {
  const sim = simulate()
  await run(asked(), sim.ports())
  const record = sim.record()
  if (record === undefined) throw new Error('nothing was saved')
  return record
}

describe('the record in its ConfigMap', () => {
  test('comes back as it was saved, one key per field', async () => {
    const record = await saved()
    expect(Object.keys(toData(record)).sort()).toEqual(Object.keys(record).sort())
    expect(fromData(toData(record))).toEqual({ kind: 'record', record: JSON.parse(JSON.stringify(record)) })
  })

  test('of a newer schema is not read, and says who wrote it', async () => {
    const data = { ...toData(await saved()), schema: '"sluice.dev/release/v2"', writer: '"9.0.0"' }
    expect(fromData(data)).toEqual({ kind: 'newer', schema: 'sluice.dev/release/v2', writer: '9.0.0' })
  })

  test.each([
    ['is not JSON', { schema: '"sluice.dev/release/v1"', epoch: '{' }, /key epoch is not JSON/],
    ['has no schema', {}, /no key schema/],
    ['lacks fields', { schema: '"sluice.dev/release/v1"' }, /lacks writer, epoch/],
  ])('that %s is told so', (_, data, text) => {
    expect(fromData(data)).toMatchObject({ kind: 'unreadable', text: expect.stringMatching(text) })
  })

  test('fits a ConfigMap many times over', async () => {
    expect(JSON.stringify(toData(await saved())).length).toBeLessThan(64 * 1024)
  })
})
