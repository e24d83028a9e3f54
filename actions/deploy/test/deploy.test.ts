import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from '@sluice/kubernetes/connect'
import type { Cluster, KubernetesObject } from '@sluice/kubernetes/cluster'
import type { Sandbox } from '@sluice/sandbox/sandbox'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Ran, runAction } from './action.ts'
import { IMAGES, manifests, startShop } from './shop.ts'

let folder: string
let sandbox: Sandbox
let cluster: Cluster
const isReport = new Ajv2020({ allErrors: true }).compile(
  JSON.parse(readFileSync(join(import.meta.dirname, '../report.schema.json'), 'utf8')),
)

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-deploy-'))
  sandbox = await startShop()
  cluster = await connect({ kubeconfig: sandbox.kubeconfig({ namespace: 'shop' }), env: {} })
  writeFileSync(join(folder, 'kubeconfig'), sandbox.kubeconfig({ namespace: 'shop' }))
})
afterAll(async () => {
  await sandbox.stop()
  rmSync(folder, { recursive: true })
})

const KINDS = [
  ['apps/v1', 'deployments'],
  ['v1', 'configmaps'],
  ['v1', 'services'],
] as const

/** The resourceVersion of everything that a deploy may write. */
const versions = async (): Promise<readonly string[]> => {
  const lists = await Promise.all(
    KINDS.map(([apiVersion, resource]) => cluster.list<KubernetesObject>({ apiVersion, resource, namespace: 'shop' })),
  )
  return lists.flat().map(({ kind, metadata }) => `${kind}/${metadata.name}@${metadata.resourceVersion}`)
}

const get = (apiVersion: string, resource: string, name = 'shop') =>
  cluster.get<KubernetesObject>({ apiVersion, resource, namespace: 'shop' }, name)

const deploy = async (inputs: Record<string, string>, rest: Parameters<typeof runAction>[1] = {}): Promise<Ran> => {
  const ran = await runAction({ kubeconfig: 'kubeconfig', timeout: '20s', ...inputs }, { cwd: folder, ...rest })
  if (ran.report !== undefined && !isReport(ran.report)) throw new Error(JSON.stringify(isReport.errors))
  return ran
}

const withManifests = (image: string, rest: Record<string, string> = {}, greeting = 'hello') => {
  writeFileSync(join(folder, 'shop.yaml'), manifests())
  return deploy({ manifests: 'shop.yaml', values: `IMAGE=${image}\nREPLICAS=2\nGREETING=${greeting}`, ...rest })
}

describe('a deploy into a cluster', () => {
  it('creates everything, waits for the rollout, and has no previous image', async () => {
    const ran = await withManifests(IMAGES.first)
    console.log(ran.log, ran.summary)
    expect(ran).toMatchObject({
      code: 0,
      outputs: { verdict: 'pass', 'reason-code': 'deployed', image: IMAGES.first, 'previous-image': '', revision: '1' },
    })
  })

  it('says that nothing was to do when it is so already', async () => {
    const before = await versions()
    const ran = await withManifests(IMAGES.first)
    console.log(ran.log, ran.summary)
    expect(ran.outputs).toMatchObject({ verdict: 'pass', 'reason-code': 'unchanged', 'previous-image': IMAGES.first })
    expect(await versions()).toEqual(before)
  })

  it('sets one image by digest', async () => {
    const ran = await deploy({ image: IMAGES.second, deployment: 'shop' })
    console.log(ran.log, ran.summary)
    expect(ran.outputs).toMatchObject({ verdict: 'pass', image: IMAGES.second, 'previous-image': IMAGES.first, revision: '2' })
  })

  it('takes the manifests again over its own image, without calling itself a conflict', async () => {
    const ran = await withManifests(IMAGES.first)
    console.log(ran.log, ran.summary)
    expect(ran.outputs).toMatchObject({ verdict: 'pass', 'reason-code': 'deployed', image: IMAGES.first })
  })

  it('rolls back an image whose container ends, and shows its last lines', async () => {
    const ran = await deploy({ image: IMAGES.crashes, deployment: 'shop', timeout: '5s' })
    console.log(ran.log, ran.summary)
    expect(ran).toMatchObject({ code: 1, outputs: { verdict: 'fail', 'reason-code': 'rollout-failed-rolled-back', image: IMAGES.first } })
  })

  it('rolls back every object of manifests that fail, and deletes what it created', async () => {
    writeFileSync(join(folder, 'extra.yaml'), 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: extra }\ndata: { a: "1" }\n')
    const ran = await withManifests(IMAGES.sulks, { manifests: 'shop.yaml\nextra.yaml', timeout: '4s' }, 'goodbye')
    console.log(ran.log, ran.summary)
    expect(ran.outputs).toMatchObject({ verdict: 'fail', 'reason-code': 'rollout-failed-rolled-back' })
    expect(await get('v1', 'configmaps', 'extra')).toBeUndefined()
    expect((await get('v1', 'configmaps'))?.data).toEqual({ greeting: 'hello' })
  })
})
