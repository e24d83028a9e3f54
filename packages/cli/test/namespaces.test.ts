import { spawnSync } from 'node:child_process'
import { Fault } from '@sluice/kit/faults'
import type { Cluster } from '@sluice/kubernetes/cluster'
import { connect } from '@sluice/kubernetes/connect'
import { type Sandbox, startSandbox } from '@sluice/sandbox/sandbox'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { claimNamespaces } from '../src/rehearsal/namespaces.ts'

const NAMESPACES = { apiVersion: 'v1', resource: 'namespaces' }
let sandbox: Sandbox
let cluster: Cluster
beforeAll(async () => {
  sandbox = await startSandbox({ images: {}, namespaces: ['theirs'] })
  cluster = await connect({ kubeconfig: sandbox.kubeconfig(), env: {} })
})
afterAll(() => sandbox.stop())

const claims = () => claimNamespaces(cluster, 'the cluster')
const uidOf = async (name: string): Promise<string | undefined> => (await cluster.get(NAMESPACES, name))?.metadata.uid
const make = (name: string, owner: number): Promise<unknown> =>
  cluster.create(NAMESPACES, {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels: { 'sluice.dev/rehearsal': String(owner) } },
  })
const problem = async (attempt: Promise<void>): Promise<string> => {
  try {
    await attempt
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.kind === 'input') return thrown.message
    throw thrown
  }
  return ''
}

describe('the namespaces of a rehearsal', () => {
  test('are made once, and gone after it', async () => {
    const ours = claims()
    await ours.claim('ours')
    const first = await uidOf('ours')
    await ours.claim('ours')
    expect(await uidOf('ours')).toBe(first)
    expect(first).toBeDefined()
    await ours.remove()
    expect(await uidOf('ours')).toBeUndefined()
    await ours.remove()
  })

  test('are nobody else’s: one that is there stays as it is', async () => {
    const ours = claims()
    const before = await uidOf('theirs')
    expect(await problem(ours.claim('theirs'))).toMatch(/theirs is in the cluster already, and no rehearsal made it/)
    await ours.remove()
    expect(await uidOf('theirs')).toBe(before)
  })

  test('of a rehearsal that still runs are left to it', async () => {
    await make('busy', process.pid)
    expect(await problem(claims().claim('busy'))).toMatch(`Another rehearsal (process ${process.pid})`)
  })

  test('of one that was killed are made anew', async () => {
    const { pid } = spawnSync(process.execPath, ['--version'])
    await make('left', pid)
    const before = await uidOf('left')
    const ours = claims()
    await ours.claim('left')
    expect(await uidOf('left')).not.toBe(before)
    await ours.remove()
  })
})
