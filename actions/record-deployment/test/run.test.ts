import { describe, expect, it } from 'vitest'
import type { Neighbour } from '../src/neighbours.ts'
import { type Plan, type Ports, run } from '../src/run.ts'
import { summarize } from '../src/summary.ts'
import { decide } from '../src/verdict.ts'

const PLAN: Plan = { state: 'success', description: 'Promoted', logUrl: '', environmentUrl: '' }
const past = (state: string) => ({ state, description: '', logUrl: '', environmentUrl: '' })
const OUTAGE = new Error('outage')

/** GitHub as a list of what was written; `fails` is the number of the write that it refuses. */
const world = (before: readonly string[], neighbours: readonly Neighbour[] = [], fails = 0) => {
  const written: string[] = []
  const ports: Ports = {
    findOrCreate: async () => ({ id: 5, found: before.length > 0 }),
    statuses: async () => before.map(past),
    neighbours: async () => neighbours,
    add: async (id, { state }) => {
      if (written.length + 1 === fails) throw OUTAGE
      written.push(`${id} ${state}`)
    },
    refused: (thrown) =>
      thrown === OUTAGE ? { code: 'server-error', text: 'it <b>broke</b>', next: 'Wait.' } : undefined,
    now: () => 0,
    say: () => {},
  }
  return { ports, written }
}

describe('recording', () => {
  it('writes the release first, then what it ended', async () => {
    const { ports, written } = world(['in_progress'], [{ id: 4, createdAt: 0, statuses: [past('success')] }])
    expect(await run(PLAN, ports)).toMatchObject({ outcome: 'recorded', id: 5, state: 'success', found: true })
    expect(written).toEqual(['5 success', '4 inactive'])
  })

  it('goes on where it stopped', async () => {
    const neighbours = [{ id: 4, createdAt: 0, statuses: [past('success')] }]
    const broken = await run(PLAN, world(['in_progress'], neighbours, 2).ports)
    expect(broken).toMatchObject({ outcome: 'recorded', refused: { code: 'server-error' }, id: 5, state: 'success' })
    expect(decide(broken, { service: 'shop', environment: 'production' }).verdict).toBe('error')
    const again = world(['success'], neighbours)
    expect(await run(PLAN, again.ports)).toMatchObject({ outcome: 'unchanged', refused: undefined })
    expect(again.written).toEqual(['4 inactive'])
  })

  it('does not look at others before a release has ended', async () => {
    const { ports, written } = world([])
    const never = () => Promise.reject(new Error('looked at others'))
    await run({ ...PLAN, state: 'in_progress' }, { ...ports, neighbours: never })
    expect(written).toEqual(['5 in_progress'])
  })

  it('does not take a bug for a refusal', async () => {
    const { ports } = world([])
    const bug = () => Promise.reject(new TypeError('a bug'))
    await expect(run(PLAN, { ...ports, findOrCreate: bug })).rejects.toThrow('a bug')
  })

  it('leaves others alone when its own deployment has gone further', async () => {
    const { ports, written } = world(['inactive'], [{ id: 4, createdAt: 0, statuses: [past('success')] }])
    expect(await run(PLAN, ports)).toMatchObject({ outcome: 'kept', state: 'inactive' })
    expect(written).toEqual([])
  })
})

it('the summary says the verdict first, and nothing in it starts Markdown or HTML of its own', async () => {
  const recorded = await run(PLAN, world([], [], 1).ports)
  const { verdict, reason } = decide(recorded, { service: 'shop', environment: 'pro|d' })
  const rest = {
    service: 'shop',
    environment: 'pro|d',
    commit: 'abc',
    image: 'a@sha256:b',
    home: 'https://github.com/acme/shop',
  }
  expect(summarize({ verdict, reason, recorded, ...rest })).toBe(
    [
      '### ⚠️ Deployment record: error',
      '',
      '**The release of shop to pro|d is not recorded: it &lt;b>broke&lt;/b>.** Wait.',
      '',
      'The release itself is not touched by this: only its record on GitHub is.',
      '',
      '|  |  |',
      '| --- | --- |',
      '| Service | shop |',
      '| Environment | pro\\|d |',
      '| Commit | abc |',
      '| Image | a@sha256:b |',
      '| Deployment | 5 |',
      '| State | not known |',
      '',
      '[Deployments to `pro\\|d`](https://github.com/acme/shop/deployments/pro%7Cd)',
      '',
    ].join('\n'),
  )
})

it('names that are Markdown are shown as text, and end no link', async () => {
  const recorded = await run(PLAN, world([], [], 1).ports)
  const [service, environment] = ['[x](http://a) *b*', 'eu (west)']
  const { verdict, reason } = decide(recorded, { service, environment })
  const summary = summarize({ verdict, reason, recorded, service, environment, commit: '', image: '', home: 'h' })
  expect(summary).toContain('| Service | \\[x\\](http://a) \\*b\\* |')
  expect(summary).toContain('(h/deployments/eu%20%28west%29)')
})
