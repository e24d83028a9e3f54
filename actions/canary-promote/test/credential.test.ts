import { describe, expect, test } from 'vitest'
import { credentialFindings } from '../src/credential.ts'
import { run } from '../src/run.ts'
import { asked, plan, simulate } from './simulation.ts'

const AT = Date.UTC(2030, 0, 1)
/** Two steps of 20 s, 60 s of max-hold and twice 30 s of ready-within each; four times ready-within; drain. */
const LONGEST = 2 * (20_000 + 60_000 + 60_000) + 120_000 + 5000

describe('a credential', () => {
  test.each([
    ['that is renewed, or does not say when it ends', undefined],
    ['that ends when the release at last can have', AT + LONGEST],
    ['that lives for ever', Number.MAX_SAFE_INTEGER],
  ])('%s is no obstacle', (_, end) => {
    expect(credentialFindings(end, plan(), AT)).toEqual([])
  })

  test('that ends before the release can have is one, with both times', () => {
    expect(credentialFindings(AT + LONGEST - 1, plan(), AT)).toMatchObject([
      {
        id: 'credential-ends',
        level: 'error',
        text: expect.stringMatching(/token ends at 2030-01-01T00:06:44Z, .* may take until 2030-01-01T00:06:45Z/),
        hint: expect.stringContaining('exec plugin'),
        measured: 405,
        limit: 405,
      },
    ])
  })

  test('that ended is one, with the time', () => {
    expect(credentialFindings(AT, plan(), AT)).toMatchObject([
      { id: 'credential-ended', text: "the kubeconfig's token ended at 2030-01-01T00:00:00Z", measured: 0 },
    ])
  })
})

describe('a release whose credential', () => {
  test('ends too early is refused before anything is written', async () => {
    const sim = simulate()
    sim.endCredential(LONGEST - 1)
    await expect(run(asked(), sim.ports())).rejects.toMatchObject({
      kind: 'input',
      message: expect.stringContaining('this release may take until'),
    })
    expect(sim.record()).toBeUndefined()
    expect(sim.commands).toEqual([])
  })

  test('has ended is refused before anything is read', async () => {
    const sim = simulate()
    sim.endCredential(-1000)
    const { record, ...ports } = sim.ports()
    const unread = { ...record, load: () => Promise.reject(new Error('read')) }
    await expect(run(asked(), { ...ports, record: unread })).rejects.toMatchObject({
      message: expect.stringContaining("the kubeconfig's token ended at"),
    })
  })

  test('lives long enough is carried out, and one that ends early may still be told of and ended', async () => {
    const sim = simulate({ errors: { baseline: 0.002, canary: 0.002 } })
    sim.endCredential(LONGEST)
    expect(await run(asked(), sim.ports())).toMatchObject({ verdict: 'promoted' })
    sim.endCredential(1)
    expect(await run(asked({ mode: 'status' }), sim.ports())).toMatchObject({ ok: true })
    expect(await run(asked({ mode: 'reap' }), sim.ports())).toMatchObject({ ok: true })
  })
})
