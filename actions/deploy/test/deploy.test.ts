import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Cluster, KubernetesObject } from '@sluice/kubernetes/cluster'
import { connect } from '@sluice/kubernetes/connect'
import type { Sandbox } from '@sluice/sandbox/sandbox'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { actionAt, type Ran, type RunOptions } from '../../../test/action.ts'
import { IMAGES, manifests, startShop } from './shop.ts'

const runAction = actionAt(join(import.meta.dirname, '..'))

/** A process starts in a second, on a busy machine in ten. */
const PATIENT = { timeout: 120_000 }

let folder: string
let sandbox: Sandbox
let cluster: Cluster
const schema = JSON.parse(readFileSync(join(import.meta.dirname, '../report.schema.json'), 'utf8'))
const isReport = new Ajv2020({ allErrors: true }).compile(schema)

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-deploy-'))
  sandbox = await startShop()
  cluster = await connect({ kubeconfig: sandbox.kubeconfig({ namespace: 'shop' }), env: {} })
  writeFileSync(join(folder, 'kubeconfig'), sandbox.kubeconfig({ namespace: 'shop' }))
  writeFileSync(join(folder, 'shop.yaml'), manifests())
})
afterAll(async () => {
  await sandbox.stop()
  rmSync(folder, { recursive: true })
})

const get = (apiVersion: string, resource: string, name = 'shop') =>
  cluster.get<KubernetesObject>({ apiVersion, resource, namespace: 'shop' }, name)

/** The resourceVersion of everything that a deploy may write. */
const versions = async (): Promise<readonly string[]> => {
  const kinds = [
    ['apps/v1', 'deployments'],
    ['v1', 'configmaps'],
    ['v1', 'services'],
  ] as const
  const lists = await Promise.all(
    kinds.map(([apiVersion, resource]) => cluster.list({ apiVersion, resource, namespace: 'shop' })),
  )
  return lists.flat().map(({ kind, metadata }) => `${kind}/${metadata.name}@${metadata.resourceVersion}`)
}

const imageOf = async (): Promise<unknown> => {
  const spec = (await get('apps/v1', 'deployments'))?.spec as {
    template: { spec: { containers: { image: string }[] } }
  }
  return spec.template.spec.containers[0]?.image
}

const deploy = async (inputs: Record<string, string>, rest: RunOptions = {}): Promise<Ran> => {
  const ran = await runAction({ kubeconfig: 'kubeconfig', timeout: '20s', ...inputs }, { cwd: folder, ...rest })
  if (ran.report !== undefined && !isReport(ran.report)) throw new Error(JSON.stringify(isReport.errors))
  return ran
}

const values = (image: string, greeting = 'hello', replicas = 2): string =>
  `IMAGE=${image}\nREPLICAS=${replicas}\nGREETING=${greeting}`

describe('a deploy into a cluster', PATIENT, () => {
  it('creates everything, waits for the rollout, and has no previous image, also when told to skip what is there', async () => {
    const asked = { manifests: 'shop.yaml', deployment: 'shop', existing: 'skip' }
    const ran = await deploy({ ...asked, values: values(IMAGES.first) })
    expect(ran).toMatchObject({
      code: 0,
      outputs: { verdict: 'pass', 'reason-code': 'deployed', image: IMAGES.first, 'previous-image': '', revision: '1' },
    })
    expect(ran.summary).toMatch(
      /^### ✅ Deploy: pass \(deployed\)\n\n\*\*3 objects written; shop fully rolled out\.\*\*/,
    )
    expect(ran.report).toMatchObject({
      subject: { files: { 'shop.yaml': expect.stringMatching(/^sha256:/) } },
      details: { objects: [{ kind: 'ConfigMap', effect: 'created' }, { kind: 'Service' }, { kind: 'Deployment' }] },
    })
    expect((await get('apps/v1', 'deployments'))?.status).toMatchObject({ availableReplicas: 2, updatedReplicas: 2 })
  })

  it('writes nothing when everything is so already', async () => {
    const before = await versions()
    const ran = await deploy({ manifests: 'shop.yaml', values: values(IMAGES.first) })
    expect(ran).toMatchObject({ code: 0, outputs: { 'reason-code': 'unchanged', 'previous-image': IMAGES.first } })
    expect(await versions()).toEqual(before)
  })

  it('does nothing when told to skip a Deployment that is there, and says what it runs', async () => {
    const before = await versions()
    const asked = { manifests: 'shop.yaml', deployment: 'shop', existing: 'skip' }
    const ran = await deploy({ ...asked, values: values(IMAGES.second, 'goodbye') })
    expect(ran).toMatchObject({
      code: 0,
      outputs: {
        verdict: 'pass',
        'reason-code': 'exists',
        image: IMAGES.first,
        'previous-image': IMAGES.first,
        revision: '1',
      },
    })
    expect(ran.summary).toContain('Deployment/shop in namespace shop is already there, so nothing was changed')
    expect(ran.report.details).toMatchObject({
      objects: [],
      deployments: [{ deployment: 'shop', image: IMAGES.first }],
    })
    expect(await versions()).toEqual(before)
  })

  it('sets one image by digest', async () => {
    const ran = await deploy({ image: IMAGES.second, deployment: 'shop' })
    expect(ran.outputs).toMatchObject({
      verdict: 'pass',
      image: IMAGES.second,
      'previous-image': IMAGES.first,
      revision: '2',
    })
    expect(await imageOf()).toBe(IMAGES.second)
  })

  it('applies manifests over its own image without taking itself for another', async () => {
    const ran = await deploy({ manifests: '*.yaml', values: values(IMAGES.first) })
    expect(ran.outputs).toMatchObject({ verdict: 'pass', 'reason-code': 'deployed', image: IMAGES.first })
  })

  it('goes back from an image whose container ends, and shows its last lines', async () => {
    const ran = await deploy({ image: IMAGES.crashes, deployment: 'shop', timeout: '2s' })
    expect(ran).toMatchObject({
      code: 1,
      outputs: {
        verdict: 'fail',
        'reason-code': 'rollout-failed-rolled-back',
        image: IMAGES.first,
        'previous-image': IMAGES.first,
      },
    })
    expect(ran.summary).toMatch(/container app ended with exit code 3/)
    expect(ran.summary).toContain('no database at db:5432')
    expect(ran.report.details.deployments[0]).toMatchObject({ asked: IMAGES.crashes, image: IMAGES.first })
    expect(await imageOf()).toBe(IMAGES.first)
  })

  it('goes back with every object of manifests that fail, and deletes what it created', async () => {
    const extra = 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: extra }\ndata: { a: "1" }\n'
    writeFileSync(join(folder, 'extra.yml'), extra)
    const ran = await deploy({
      manifests: 'shop.yaml\nextra.yml',
      values: values(IMAGES.sulks, 'goodbye'),
      timeout: '2s',
    })
    expect(ran).toMatchObject({ code: 1, outputs: { verdict: 'fail', 'reason-code': 'rollout-failed-rolled-back' } })
    expect(ran.summary).toContain('container app runs but is not ready')
    expect(
      ran.report.details.objects.map(({ name, undone }: { name: string; undone: string }) => [name, undone]),
    ).toEqual([
      ['shop', 'restored'],
      ['extra', 'deleted'],
      ['shop', 'unchanged'],
      ['shop', 'restored'],
    ])
    expect(await get('v1', 'configmaps', 'extra')).toBeUndefined()
    expect((await get('v1', 'configmaps'))?.data).toEqual({ greeting: 'hello' })
    expect(await imageOf()).toBe(IMAGES.first)
  })

  it('leaves a failed rollout as it is when told to, and can be taken back by the next deploy', async () => {
    const kept = await deploy({ image: IMAGES.unknown, deployment: 'shop', timeout: '2s', 'on-failure': 'keep' })
    expect(kept.outputs).toMatchObject({ verdict: 'fail', 'reason-code': 'rollout-failed-kept', image: IMAGES.unknown })
    expect(kept.summary).toContain('image of container app cannot be pulled')
    expect(await imageOf()).toBe(IMAGES.unknown)
    const next = await deploy({ image: IMAGES.first, deployment: 'shop' })
    expect(next.outputs).toMatchObject({ verdict: 'pass', image: IMAGES.first, 'previous-image': IMAGES.unknown })
  })

  it('calls a quota the environment, not a failed release', async () => {
    const quota = {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'small' },
      spec: { hard: { pods: '2' } },
    }
    const resource = { apiVersion: 'v1', resource: 'resourcequotas', namespace: 'shop' }
    await cluster.create(resource, quota)
    const ran = await deploy({ image: IMAGES.second, deployment: 'shop', timeout: '2s' })
    await cluster.remove(resource, 'small')
    expect(ran.outputs).toMatchObject({
      verdict: 'error',
      'reason-code': 'environment-rolled-back',
      image: IMAGES.first,
    })
    expect(ran.summary).toContain('exceeded quota')
  })

  it('stops soon after a signal, says what it leaves, and the next run goes on', async () => {
    let kill: (signal: NodeJS.Signals) => void = () => {}
    const ran = await deploy(
      { image: IMAGES.sulks, deployment: 'shop' },
      {
        started: (way) => {
          kill = way
        },
        seen: (log) => {
          if (log.includes('1 of 2 new pods created')) kill('SIGINT')
        },
      },
    )
    expect(ran).toMatchObject({ code: 1, outputs: { verdict: 'error', 'reason-code': 'cancelled' } })
    expect(ran.afterSignalMs).toBeLessThan(5000)
    expect(ran.summary).toContain('Cancelled after 1 object had been written (Deployment/shop in namespace shop)')
    expect(ran.summary).toContain('To go on, run it again')
    expect(await imageOf()).toBe(IMAGES.sulks)
    expect((await deploy({ image: IMAGES.first, deployment: 'shop' })).outputs).toMatchObject({ verdict: 'pass' })
  })

  it('survives an API server that fails for a while in the middle', async () => {
    let broken = false
    const seen = (log: string): void => {
      if (broken || !log.includes('container app')) return
      broken = true
      sandbox.faults.api({ kind: 'status', code: 503 }, { verbs: ['get'], times: 6 })
    }
    // The answer to the write itself is lost as well.
    sandbox.faults.api({ kind: 'reset', after: true }, { verbs: ['patch'], resources: ['deployments'], times: 1 })
    const ran = await deploy({ image: IMAGES.second, deployment: 'shop', timeout: '60s' }, { seen })
    sandbox.faults.clear()
    expect(broken).toBe(true)
    expect(ran.outputs).toMatchObject({
      verdict: 'pass',
      'reason-code': 'deployed',
      image: IMAGES.second,
      'previous-image': IMAGES.first,
    })
  })

  it('goes back where all pods are replaced at once, though the ended deadline of the failed rollout still stands', async () => {
    const before = imageOf()
    const change = { strategy: { type: 'Recreate', rollingUpdate: null }, progressDeadlineSeconds: 2 }
    await cluster.mergePatch({ apiVersion: 'apps/v1', resource: 'deployments', namespace: 'shop' }, 'shop', {
      spec: change,
    })
    const ran = await deploy({ image: IMAGES.sulks, deployment: 'shop' })
    expect(ran.outputs).toMatchObject({ verdict: 'fail', 'reason-code': 'rollout-failed-rolled-back' })
    expect(ran.summary).toContain('no progress for 2 s')
    expect(ran.summary).toContain('Readiness probe failed')
    expect(await imageOf()).toBe(await before)
  })
})

describe('bad input to a deploy into a cluster changes nothing', PATIENT, () => {
  const other = (name: string, data: string): string =>
    `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name} }\ndata: ${data}\n`

  it('whatever is wrong, and says what and what to do', async () => {
    const resource = { apiVersion: 'v1', resource: 'configmaps', namespace: 'shop' }
    await cluster.apply(
      resource,
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'owned' }, data: { a: '1' } },
      { fieldManager: 'argocd' },
    )
    writeFileSync(join(folder, 'owned.yml'), other('owned', '{ a: "2" }'))
    writeFileSync(join(folder, 'new.yml'), other('new', '{ a: "1" }'))
    writeFileSync(
      join(folder, 'invalid.yml'),
      'apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: bad }\nspec: { replicas: -1 }\n',
    )
    writeFileSync(join(folder, 'kind.yml'), 'apiVersion: example.com/v1\nkind: Widget\nmetadata: { name: w }\n')
    const limited = sandbox.issueToken([{ apiGroups: ['apps'], resources: ['deployments'], verbs: ['get'] }])
    writeFileSync(join(folder, 'limited'), sandbox.kubeconfig({ namespace: 'shop', token: limited }))
    writeFileSync(join(folder, 'unknown'), sandbox.kubeconfig({ namespace: 'shop', token: 'nobody' }))
    writeFileSync(join(folder, 'closed'), sandbox.kubeconfig().replace(sandbox.server, 'http://127.0.0.1:9'))
    const cases: readonly (readonly [Record<string, string>, 'input-fault' | 'upstream-fault', readonly string[]])[] = [
      [
        { manifests: 'new.yml\nowned.yml\ninvalid.yml\nkind.yml' },
        'input-fault',
        [
          'Nothing was changed. 3 problems:',
          'owned.yml:1: ConfigMap/owned in namespace shop has fields that belong to "argocd"',
          'invalid.yml:1: Deployment/bad: The API server finds it invalid',
          'kind.yml:1: Widget/w: ',
        ],
      ],
      [
        { manifests: 'new.yml', namespace: 'nowhere' },
        'input-fault',
        ['new.yml:1: namespace nowhere does not exist: create it first'],
      ],
      [
        { image: IMAGES.first, deployment: 'shup' },
        'input-fault',
        ['There is no Deployment shup in namespace shop. There are: shop'],
      ],
      [
        { image: IMAGES.first, deployment: 'shop', namespace: 'nowhere' },
        'input-fault',
        ['the namespace does not exist'],
      ],
      [
        { image: IMAGES.first, deployment: 'shop', container: 'web' },
        'input-fault',
        ['has no container web. Name one with the input container: app'],
      ],
      [
        { image: IMAGES.crashes, deployment: 'shop', kubeconfig: 'limited' },
        'upstream-fault',
        ['Not allowed to patch deployments shop in namespace shop', 'verbs: ["patch"]'],
      ],
      [
        { manifests: 'new.yml', kubeconfig: 'limited' },
        'upstream-fault',
        ['Nothing was changed.', 'new.yml:1: ConfigMap/new: Not allowed to get configmaps'],
      ],
      [
        { image: IMAGES.first, deployment: 'shop', kubeconfig: 'unknown' },
        'upstream-fault',
        ['does not accept the credential', '(401)'],
      ],
      [
        { image: IMAGES.first, deployment: 'shop', kubeconfig: 'closed' },
        'upstream-fault',
        ['cannot be reached (refused)'],
      ],
      [{ image: IMAGES.first, deployment: 'shop', context: 'none' }, 'input-fault', ['none']],
    ]
    const before = await versions()
    for (let at = 0; at < cases.length; at += 5) {
      await Promise.all(
        cases.slice(at, at + 5).map(async ([inputs, code, parts]) => {
          const ran = await deploy(inputs)
          for (const part of parts) expect(ran.summary).toContain(part)
          expect(ran).toMatchObject({ code: 1, outputs: { verdict: 'error', 'reason-code': code } })
          expect(ran.log).not.toContain(limited)
        }),
      )
    }
    expect(await versions()).toEqual(before)
  })
})
