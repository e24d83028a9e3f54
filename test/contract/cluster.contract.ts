import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Answer, type Client, clientOf, eventually, type Target } from './client.ts'
import { pathOf, SAMPLES } from './samples.ts'

const MERGE = { type: 'application/merge-patch+json' }
const JSON_PATCH = { type: 'application/json-patch+json' }
const STRATEGIC = { type: 'application/strategic-merge-patch+json' }
const APPLY = { type: 'application/apply-patch+yaml' }

/**
 * What Sluice relies on of a Kubernetes API server: the kinds, verbs, patches, refusals and controllers listed here. One file for the embedded
 * cluster and for a real one (1.34); it speaks plain HTTP and knows neither.
 * @param start begins with a running server; `stop` ends what it began
 */
export const clusterContract = (name: string, start: () => Promise<Target & { stop(): Promise<void> }>): void => {
  describe(name, () => {
    let target: Target & { stop(): Promise<void> }
    let api: Client
    let ns: string
    const at = (resource: string, object = '', apiVersion = 'v1'): string =>
      `${pathOf(apiVersion, resource, ns)}${object === '' ? '' : `/${object}`}`
    const deployments = (object = ''): string => at('deployments', object, 'apps/v1')
    const configMap = (object: string, data: Record<string, string> = { a: '1' }): unknown => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: object },
      data,
    })
    const deployment = (object: string, replicas: number, more: Record<string, unknown> = {}): unknown => ({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: object },
      spec: {
        replicas,
        selector: { matchLabels: { app: object } },
        template: {
          metadata: { labels: { app: object } },
          spec: {
            terminationGracePeriodSeconds: 5,
            containers: [
              {
                name: 'web',
                image: target.image,
                ports: [{ name: 'http', containerPort: target.port }],
                env: [{ name: 'COLOR', value: 'blue' }],
                readinessProbe: { httpGet: { path: '/', port: 'http' }, periodSeconds: 1 },
              },
            ],
          },
        },
        ...more,
      },
    })
    const rolledOut = (object: string, replicas: number): Promise<Answer> =>
      eventually(
        () => api.call('GET', deployments(object)),
        ({ body }) =>
          body.status?.observedGeneration === body.metadata?.generation &&
          Number(body.status?.updatedReplicas ?? 0) === replicas &&
          Number(body.status?.availableReplicas ?? 0) === replicas &&
          Number(body.status?.replicas ?? 0) === replicas,
      )

    beforeAll(async () => {
      target = await start()
      api = clientOf(target)
      ns = await target.namespace()
    })
    afterAll(() => target?.stop())

    describe('every kind', () => {
      test.each(SAMPLES)('$kind is created, read, listed, patched, updated and deleted', async (sample) => {
        const path = at(sample.resource, '', sample.apiVersion)
        const object = {
          apiVersion: sample.apiVersion,
          kind: sample.kind,
          metadata: { name: 'sample' },
          ...sample.fields,
        }
        const made = await api.call('POST', path, object)
        expect(made.code).toBe(201)
        expect(made.body).toMatchObject({ apiVersion: sample.apiVersion, kind: sample.kind })
        expect(made.body.metadata).toMatchObject({ name: 'sample', namespace: ns })
        expect(String(made.body.metadata?.uid)).toMatch(/^[0-9a-f-]{36}$/)
        expect(String(made.body.metadata?.creationTimestamp)).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
        expect(made.body.metadata?.generation).toBe(sample.generation ? 1 : undefined)
        expect((await api.call('GET', `${path}/sample`)).body.metadata?.uid).toBe(made.body.metadata?.uid)
        const list = await api.call('GET', `${path}?fieldSelector=metadata.name%3Dsample`)
        expect(list.body.kind).toBe(`${sample.kind}List`)
        expect(list.body.items?.map((item) => item.metadata?.name)).toEqual(['sample'])
        const patched = await api.call('PATCH', `${path}/sample`, { metadata: { labels: { a: 'b' } } }, MERGE)
        expect([patched.code, patched.body.metadata?.labels]).toEqual([200, { a: 'b' }])
        const selected = await api.call('GET', `${path}?labelSelector=a%3Db`)
        expect(selected.body.items?.length).toBe(1)
        const live = (await api.call('GET', `${path}/sample`)).body
        const updated = await api.call('PUT', `${path}/sample`, {
          ...live,
          metadata: { ...live.metadata, annotations: { 'example.com/note': 'x' }, resourceVersion: undefined },
        })
        // An update without a resourceVersion is unconditional, except for the kinds that refuse one.
        expect([200, 409, 422]).toContain(updated.code)
        const deleted = await api.call('DELETE', `${path}/sample`)
        expect(deleted.code).toBe(200)
        const gone = await eventually(
          () => api.call('GET', `${path}/sample`),
          (answer) => answer.code === 404,
        )
        expect(gone.body).toMatchObject({ kind: 'Status', status: 'Failure', reason: 'NotFound', code: 404 })
        expect(gone.body.details).toMatchObject({ name: 'sample', kind: sample.resource })
      })

      test('a custom resource is served once its definition is, and keeps what its status subresource says', async () => {
        const group = `${ns}.example.com`
        const definition = {
          apiVersion: 'apiextensions.k8s.io/v1',
          kind: 'CustomResourceDefinition',
          metadata: { name: `things.${group}` },
          spec: {
            group,
            scope: 'Namespaced',
            names: { plural: 'things', singular: 'thing', kind: 'Thing' },
            versions: [
              {
                name: 'v1',
                served: true,
                storage: true,
                subresources: { status: {} },
                schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
              },
            ],
          },
        }
        const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
        expect((await api.call('POST', definitions, definition)).code).toBe(201)
        await eventually(
          () => api.call('GET', `${definitions}/things.${group}`),
          ({ body }) =>
            Boolean(
              body.status?.conditions?.find(
                (one) => String(one.type) === 'Established' && String(one.status) === 'True',
              ),
            ),
        )
        const things = at('things', '', `${group}/v1`)
        const thing = {
          apiVersion: `${group}/v1`,
          kind: 'Thing',
          metadata: { name: 'a' },
          spec: { size: 1 },
          status: { seen: true },
        }
        const made = await eventually(
          () => api.call('POST', things, thing),
          (answer) => answer.code !== 404,
        )
        expect([made.code, made.body.status]).toEqual([201, undefined])
        const status = await api.call(
          'PATCH',
          `${things}/a/status`,
          { spec: { size: 9 }, status: { seen: true } },
          MERGE,
        )
        expect(status.body).toMatchObject({ spec: { size: 1 }, status: { seen: true }, metadata: { generation: 1 } })
        expect((await api.call('PATCH', `${things}/a`, { spec: { size: 2 } }, MERGE)).body.metadata?.generation).toBe(2)
        expect((await api.call('PATCH', `${things}/a`, { spec: { size: 3 } }, STRATEGIC)).code).toBe(415)
        expect((await api.call('DELETE', `${definitions}/things.${group}`)).code).toBe(200)
      })
    })

    describe('refusals', () => {
      test('a wrong token is 401', async () => {
        const answer = await api.call('GET', at('configmaps'), undefined, { token: 'wrong' })
        expect(answer.code).toBe(401)
        expect(answer.body).toMatchObject({
          kind: 'Status',
          status: 'Failure',
          message: 'Unauthorized',
          reason: 'Unauthorized',
          code: 401,
        })
      })

      test('a second object of one name is 409 AlreadyExists', async () => {
        await api.call('POST', at('configmaps'), configMap('twice'))
        const again = await api.call('POST', at('configmaps'), configMap('twice'))
        expect(again.body).toMatchObject({
          reason: 'AlreadyExists',
          code: 409,
          message: 'configmaps "twice" already exists',
        })
      })

      test('an object of another namespace or none that exists is refused', async () => {
        const other = { ...(configMap('x') as object), metadata: { name: 'x', namespace: 'other' } }
        expect((await api.call('POST', at('configmaps'), other)).code).toBe(400)
        const nowhere = await api.call('POST', '/api/v1/namespaces/there-is-none/configmaps', configMap('x'))
        expect(nowhere.body).toMatchObject({
          code: 404,
          reason: 'NotFound',
          message: 'namespaces "there-is-none" not found',
        })
      })

      const spec =
        (change: (body: { spec: Record<string, unknown> }) => void): (() => unknown) =>
        () => {
          const body = deployment('invalid', 1) as { spec: Record<string, unknown> }
          change(body)
          return body
        }
      type Template = { metadata: { labels: unknown }; spec: { containers: Record<string, unknown>[] } }
      test.each([
        {
          what: 'a selector that does not match the template',
          field: 'spec.template.metadata.labels',
          body: spec((d) => {
            d.spec.selector = { matchLabels: { app: 'other' } }
          }),
        },
        {
          what: 'negative replicas',
          field: 'spec.replicas',
          body: spec((d) => {
            d.spec.replicas = -1
          }),
        },
        {
          what: 'no containers',
          field: 'spec.template.spec.containers',
          body: spec((d) => {
            ;(d.spec.template as Template).spec.containers = []
          }),
        },
        {
          what: 'a container without image',
          field: 'spec.template.spec.containers[0].image',
          body: spec((d) => {
            delete (d.spec.template as Template).spec.containers[0]?.image
          }),
        },
        {
          what: 'two containers of one name',
          field: 'spec.template.spec.containers[1].name',
          body: spec((d) => {
            ;(d.spec.template as Template).spec.containers.push({ name: 'web', image: 'a' })
          }),
        },
        {
          what: 'no surge and nothing unavailable',
          field: 'spec.strategy.rollingUpdate.maxUnavailable',
          body: spec((d) => {
            d.spec.strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 0 } }
          }),
        },
        {
          what: 'a bad name',
          field: 'metadata.name',
          body: () => ({ ...(deployment('x', 1) as object), metadata: { name: 'Not_A_Name' } }),
        },
      ])('$what is 422 and names $field', async ({ field, body }) => {
        const answer = await api.call('POST', deployments(), body())
        expect([answer.code, answer.body.reason]).toEqual([422, 'Invalid'])
        expect(answer.body.details?.causes?.map((cause) => cause.field)).toContain(field)
        expect(answer.body.details).toMatchObject({ group: 'apps', kind: 'Deployment' })
      })

      test('a value of the wrong type is 400', async () => {
        const wrong = deployment('invalid', 1) as { spec: { replicas: unknown } }
        wrong.spec.replicas = 'three'
        expect((await api.call('POST', deployments(), wrong)).body).toMatchObject({ code: 400, reason: 'BadRequest' })
        expect((await api.call('POST', at('configmaps'), configMap('x', { a: 1 as unknown as string }))).code).toBe(400)
        expect((await api.call('POST', at('configmaps'), '{"kind":')).code).toBe(400)
      })

      test('a selector cannot change', async () => {
        await api.call('POST', deployments(), deployment('fixed', 0))
        const patch = {
          spec: { selector: { matchLabels: { app: 'moved' } }, template: { metadata: { labels: { app: 'moved' } } } },
        }
        const answer = await api.call('PATCH', deployments('fixed'), patch, MERGE)
        expect([answer.code, answer.body.details?.causes?.map((cause) => cause.field)]).toEqual([
          422,
          ['spec.selector'],
        ])
      })
    })

    describe('writes that race', () => {
      test('an update or a patch with an old resourceVersion is 409 Conflict and changes nothing', async () => {
        const made = (await api.call('POST', at('configmaps'), configMap('race'))).body
        await api.call('PATCH', at('configmaps', 'race'), { data: { a: '2' } }, MERGE)
        const stale = await api.call('PUT', at('configmaps', 'race'), { ...made, data: { a: '3' } })
        expect(stale.body).toMatchObject({
          code: 409,
          reason: 'Conflict',
          details: { name: 'race', kind: 'configmaps' },
        })
        const patch = { metadata: { resourceVersion: made.metadata?.resourceVersion }, data: { a: '4' } }
        expect((await api.call('PATCH', at('configmaps', 'race'), patch, MERGE)).code).toBe(409)
        expect((await api.call('GET', at('configmaps', 'race'))).body.data).toEqual({ a: '2' })
      })

      test('a write that changes nothing keeps the resourceVersion', async () => {
        const made = (await api.call('POST', at('configmaps'), configMap('still'))).body
        const again = await api.call('PATCH', at('configmaps', 'still'), { data: { a: '1' } }, MERGE)
        expect(again.body.metadata?.resourceVersion).toBe(made.metadata?.resourceVersion)
      })

      test('a delete with the UID of another object is 409', async () => {
        const made = (await api.call('POST', at('configmaps'), configMap('mine'))).body
        const preconditions = { uid: '00000000-0000-0000-0000-000000000000' }
        const wrong = await api.call('DELETE', at('configmaps', 'mine'), { preconditions })
        expect(wrong.body).toMatchObject({ code: 409, reason: 'Conflict' })
        const right = await api.call('DELETE', at('configmaps', 'mine'), { preconditions: { uid: made.metadata?.uid } })
        expect(right.code).toBe(200)
      })

      test('dryRun=All answers as if it were done and does nothing', async () => {
        const made = await api.call('POST', `${at('configmaps')}?dryRun=All`, configMap('dry'))
        expect([made.code, made.body.metadata?.name]).toEqual([201, 'dry'])
        expect((await api.call('GET', at('configmaps', 'dry'))).code).toBe(404)
        await api.call('POST', at('configmaps'), configMap('wet'))
        const patched = await api.call('PATCH', `${at('configmaps', 'wet')}?dryRun=All`, { data: { a: '9' } }, MERGE)
        expect(patched.body.data).toEqual({ a: '9' })
        expect((await api.call('GET', at('configmaps', 'wet'))).body.data).toEqual({ a: '1' })
      })

      test('a Lease is taken by whoever has its latest resourceVersion', async () => {
        const leases = at('leases', '', 'coordination.k8s.io/v1')
        const lease = {
          apiVersion: 'coordination.k8s.io/v1',
          kind: 'Lease',
          metadata: { name: 'lock' },
          spec: { holderIdentity: 'a', leaseDurationSeconds: 5 },
        }
        const made = (await api.call('POST', leases, lease)).body
        const take = (holderIdentity: string): Promise<Answer> =>
          api.call('PUT', `${leases}/lock`, { ...made, spec: { ...made.spec, holderIdentity } })
        expect((await take('b')).code).toBe(200)
        expect((await take('c')).code).toBe(409)
      })
    })

    describe('JSON Patch', () => {
      test('does all of its operations or none: a failing test is 422', async () => {
        await api.call('POST', at('configmaps'), configMap('json', { a: '1' }))
        const path = at('configmaps', 'json')
        const good = await api.call(
          'PATCH',
          path,
          [
            { op: 'test', path: '/data/a', value: '1' },
            { op: 'add', path: '/data/b', value: '2' },
            { op: 'replace', path: '/data/a', value: '3' },
          ],
          JSON_PATCH,
        )
        expect([good.code, good.body.data]).toEqual([200, { a: '3', b: '2' }])
        const failed = await api.call(
          'PATCH',
          path,
          [
            { op: 'replace', path: '/data/a', value: '4' },
            { op: 'test', path: '/data/b', value: 'other' },
          ],
          JSON_PATCH,
        )
        expect(failed.body).toMatchObject({ kind: 'Status', status: 'Failure', reason: 'Invalid', code: 422 })
        expect((await api.call('PATCH', path, [{ op: 'remove', path: '/data/none' }], JSON_PATCH)).code).toBe(422)
        expect((await api.call('GET', path)).body.data).toEqual({ a: '3', b: '2' })
      })

      test('reaches keys with slashes and tests the resourceVersion', async () => {
        const annotated = {
          ...(configMap('epoch') as object),
          metadata: { name: 'epoch', annotations: { 'example.com/epoch': '1' } },
        }
        const made = (await api.call('POST', at('configmaps'), annotated)).body
        const patch = [
          { op: 'test', path: '/metadata/resourceVersion', value: made.metadata?.resourceVersion },
          { op: 'test', path: '/metadata/annotations/example.com~1epoch', value: '1' },
          { op: 'replace', path: '/metadata/annotations/example.com~1epoch', value: '2' },
        ]
        expect((await api.call('PATCH', at('configmaps', 'epoch'), patch, JSON_PATCH)).code).toBe(200)
        expect((await api.call('PATCH', at('configmaps', 'epoch'), patch, JSON_PATCH)).code).toBe(422)
      })

      test('that is no patch is 400', async () => {
        await api.call('POST', at('configmaps'), configMap('nopatch'))
        expect((await api.call('PATCH', at('configmaps', 'nopatch'), { op: 'add' }, JSON_PATCH)).code).toBe(400)
      })
    })

    describe('merge patches', () => {
      test('a merge patch removes by null and replaces lists', async () => {
        await api.call('POST', deployments(), deployment('merge', 0))
        const patch = { spec: { template: { spec: { containers: [{ name: 'other', image: target.image }] } } } }
        const answer = await api.call('PATCH', deployments('merge'), patch, MERGE)
        expect(answer.body.spec?.template?.spec?.containers?.map((one) => one.name)).toEqual(['other'])
        await api.call('POST', at('configmaps'), configMap('null', { a: '1', b: '2' }))
        expect((await api.call('PATCH', at('configmaps', 'null'), { data: { a: null } }, MERGE)).body.data).toEqual({
          b: '2',
        })
      })

      test('a strategic merge patch merges containers and environment by name', async () => {
        await api.call('POST', deployments(), deployment('strategic', 0))
        const containers = [
          { name: 'web', env: [{ name: 'SIZE', value: 'big' }] },
          { name: 'side', image: target.image },
        ]
        const answer = await api.call(
          'PATCH',
          deployments('strategic'),
          { spec: { template: { spec: { containers } } } },
          STRATEGIC,
        )
        expect(answer.code).toBe(200)
        const web = answer.body.spec?.template?.spec?.containers?.find((one) => String(one.name) === 'web')
        expect(web?.image).toBe(target.image)
        expect(web?.env?.map((one) => `${one.name}=${one.value}`).sort()).toEqual(['COLOR=blue', 'SIZE=big'])
        const remove = { spec: { template: { spec: { containers: [{ name: 'side', $patch: 'delete' }] } } } }
        const less = await api.call('PATCH', deployments('strategic'), remove, STRATEGIC)
        expect(less.body.spec?.template?.spec?.containers?.map((one) => one.name)).toEqual(['web'])
      })

      test('the generation counts changes of the spec, and of a Deployment’s annotations, not of other metadata or status', async () => {
        await api.call('POST', deployments(), deployment('counted', 0))
        const generation = async (path: string, patch: unknown): Promise<unknown> =>
          (await api.call('PATCH', path, patch, MERGE)).body.metadata?.generation
        expect(await generation(deployments('counted'), { metadata: { labels: { a: 'b' } } })).toBe(1)
        expect(await generation(deployments('counted'), { spec: { paused: true } })).toBe(2)
        expect(await generation(deployments('counted'), { status: { replicas: 9 } })).toBe(2)
        const annotated = { metadata: { annotations: { 'example.com/note': 'x' } } }
        expect(await generation(deployments('counted'), annotated)).toBe(3)
        expect(await generation(deployments('counted'), annotated)).toBe(3)
      })
    })

    describe('server-side apply', () => {
      const apply = (name: string, body: unknown, query: string): Promise<Answer> =>
        api.call('PATCH', `${at('configmaps', name)}?${query}`, body, APPLY)

      test('creates with 201, updates with 200, and removes what it no longer says', async () => {
        const made = await apply('applied', configMap('applied', { a: '1', b: '2' }), 'fieldManager=one')
        expect(made.code).toBe(201)
        const owner = made.body.metadata?.managedFields?.find((entry) => String(entry.manager) === 'one')
        expect(owner).toMatchObject({
          operation: 'Apply',
          fieldsType: 'FieldsV1',
          fieldsV1: { 'f:data': { 'f:a': {}, 'f:b': {} } },
        })
        const less = await apply('applied', configMap('applied', { a: '1' }), 'fieldManager=one')
        expect([less.code, less.body.data]).toEqual([200, { a: '1' }])
        const version = less.body.metadata?.resourceVersion
        const again = await apply('applied', configMap('applied', { a: '1' }), 'fieldManager=one')
        expect(again.body.metadata?.resourceVersion).toBe(version)
      })

      test('another manager of a field is a 409 that names field and manager, until force', async () => {
        await apply('owned', configMap('owned', { a: '1', b: '1' }), 'fieldManager=one')
        const conflict = await apply('owned', configMap('owned', { a: '2' }), 'fieldManager=two')
        expect(conflict.body).toMatchObject({
          code: 409,
          reason: 'Conflict',
          message: 'Apply failed with 1 conflict: conflict with "one": .data.a',
          details: { causes: [{ reason: 'FieldManagerConflict', message: 'conflict with "one"', field: '.data.a' }] },
        })
        const shared = await apply('owned', configMap('owned', { a: '1' }), 'fieldManager=two')
        expect(shared.code).toBe(200)
        const forced = await apply('owned', configMap('owned', { a: '2' }), 'fieldManager=two&force=true')
        expect([forced.code, forced.body.data]).toEqual([200, { a: '2', b: '1' }])
        const lost = forced.body.metadata?.managedFields?.find((entry) => String(entry.manager) === 'one')
        expect(lost?.fieldsV1).toEqual({ 'f:data': { 'f:b': {} } })
      })

      test('what a plain write changed belongs to that writer', async () => {
        await apply('plain', configMap('plain', { a: '1' }), 'fieldManager=one')
        await api.call('PATCH', `${at('configmaps', 'plain')}?fieldManager=editor`, { data: { a: '5' } }, MERGE)
        const answer = await apply('plain', configMap('plain', { a: '1' }), 'fieldManager=one')
        expect(answer.body.details?.causes?.map((cause) => cause.field)).toEqual(['.data.a'])
        expect(String(answer.body.message)).toContain('conflict with "editor" using v1')
      })

      test('merges containers by name and leaves what others set', async () => {
        const path = deployments('ssa')
        await api.call('PATCH', `${path}?fieldManager=one`, deployment('ssa', 0), APPLY)
        await api.call(
          'PATCH',
          `${path}?fieldManager=side`,
          { metadata: { annotations: { 'example.com/x': 'y' } } },
          MERGE,
        )
        const changed = deployment('ssa', 0) as { spec: { template: { spec: { containers: { env: unknown[] }[] } } } }
        const [container] = changed.spec.template.spec.containers
        if (container !== undefined) container.env = [{ name: 'SIZE', value: 'big' }]
        const answer = await api.call('PATCH', `${path}?fieldManager=one`, changed, APPLY)
        expect(answer.code).toBe(200)
        expect(answer.body.spec?.template?.spec?.containers?.map((one) => one.env?.map((v) => v.name))).toEqual([
          ['SIZE'],
        ])
        expect(answer.body.metadata?.annotations?.['example.com/x']).toBe('y')
      })

      test('needs a field manager', async () => {
        expect((await apply('nobody', configMap('nobody'), '')).code).toBe(422)
      })
    })

    describe('watches', () => {
      test('give every change after a resourceVersion, in order', async () => {
        const list = await api.call('GET', at('configmaps'))
        await api.call('POST', at('configmaps'), {
          ...(configMap('seen') as object),
          metadata: { name: 'seen', labels: { watch: 'me' } },
        })
        await api.call('PATCH', at('configmaps', 'seen'), { data: { a: '2' } }, MERGE)
        await api.call('DELETE', at('configmaps', 'seen'))
        const from = list.body.metadata?.resourceVersion
        const events = await api.watch(
          `${at('configmaps')}?watch=true&resourceVersion=${from}&labelSelector=watch%3Dme`,
          (seen) => seen.length >= 3,
        )
        expect(events.map((event) => event.type)).toEqual(['ADDED', 'MODIFIED', 'DELETED'])
        expect(events.map((event) => event.object.metadata?.name)).toEqual(['seen', 'seen', 'seen'])
      })
    })

    describe('workloads', () => {
      test('a Deployment runs its pods, rolls to a new template, and back', async () => {
        await api.call('POST', deployments(), deployment('web', 2))
        const first = await rolledOut('web', 2)
        expect(first.body.metadata?.annotations?.['deployment.kubernetes.io/revision']).toBe('1')
        const pods = await api.call('GET', `${at('pods')}?labelSelector=app%3Dweb`)
        expect(pods.body.items?.length).toBe(2)
        const pod = pods.body.items?.[0 as unknown as string]
        expect(pod?.metadata?.ownerReferences).toMatchObject([
          { kind: 'ReplicaSet', controller: true, apiVersion: 'apps/v1' },
        ])
        expect(pod?.status?.containerStatuses).toMatchObject([{ name: 'web', ready: true, restartCount: 0 }])
        expect(pod?.status?.phase).toBe('Running')
        const change = { spec: { template: { metadata: { annotations: { 'example.com/v': '2' } } } } }
        await api.call('PATCH', deployments('web'), change, MERGE)
        const second = await rolledOut('web', 2)
        expect(second.body.metadata?.annotations?.['deployment.kubernetes.io/revision']).toBe('2')
        const undo = { spec: { template: { metadata: { annotations: null } } } }
        await api.call('PATCH', deployments('web'), undo, MERGE)
        const third = await rolledOut('web', 2)
        expect(third.body.metadata?.annotations?.['deployment.kubernetes.io/revision']).toBe('3')
        const sets = await api.call('GET', `${at('replicasets', '', 'apps/v1')}?labelSelector=app%3Dweb`)
        expect(sets.body.items?.map((set) => Number(set.spec?.replicas)).sort()).toEqual([0, 2])
      })

      test('its pods and Service answer through the API server, and its log can be read', async () => {
        const service = {
          apiVersion: 'v1',
          kind: 'Service',
          metadata: { name: 'web' },
          spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
        }
        expect((await api.call('POST', at('services'), service)).code).toBe(201)
        const pods = await api.call('GET', `${at('pods')}?labelSelector=app%3Dweb`)
        const pod = pods.body.items?.find((one) => one.metadata?.deletionTimestamp === undefined)?.metadata?.name
        expect((await api.call('GET', at('pods', `${pod}:${target.port}/proxy/`))).code).toBe(200)
        await eventually(
          () => api.call('GET', at('services', 'web:http/proxy/')),
          (answer) => answer.code === 200,
        )
        expect((await api.call('GET', at('services', 'web:80/proxy/'))).code).toBe(200)
        expect((await api.call('GET', at('services', 'none:80/proxy/'))).code).toBe(404)
        expect((await api.call('GET', `${at('pods', `${pod}/log`)}?tailLines=5`)).code).toBe(200)
      })

      test('the scale subresource sets the count and nothing else', async () => {
        const scale = await api.call('GET', deployments('web/scale'))
        expect(scale.body).toMatchObject({
          kind: 'Scale',
          apiVersion: 'autoscaling/v1',
          spec: { replicas: 2 },
          status: { selector: 'app=web' },
        })
        const more = await api.call('PATCH', deployments('web/scale'), { spec: { replicas: 3 } }, MERGE)
        expect([more.code, more.body.spec?.replicas]).toEqual([200, 3])
        await rolledOut('web', 3)
      })

      test('a deleted pod is replaced', async () => {
        const pods = await api.call('GET', `${at('pods')}?labelSelector=app%3Dweb`)
        const old = pods.body.items?.[0 as unknown as string]?.metadata?.name
        const answer = await api.call('DELETE', at('pods', String(old)))
        expect(answer.body.metadata?.deletionTimestamp).toBeDefined()
        await eventually(
          () => api.call('GET', at('pods', String(old))),
          (one) => one.code === 404,
        )
        await rolledOut('web', 3)
      })

      test('a quota on pods shows as an Event and as the condition ReplicaFailure', async () => {
        const home = ns
        ns = await target.namespace()
        await api.call('POST', at('resourcequotas'), {
          apiVersion: 'v1',
          kind: 'ResourceQuota',
          metadata: { name: 'few' },
          spec: { hard: { pods: '1' } },
        })
        await eventually(
          () => api.call('GET', at('resourcequotas', 'few')),
          ({ body }) => String(body.status?.used?.pods) === '0',
        )
        await api.call('POST', deployments(), deployment('many', 2))
        const seen = await eventually(
          () => api.call('GET', deployments('many')),
          ({ body }) => Boolean(body.status?.conditions?.find((one) => String(one.type) === 'ReplicaFailure')),
        )
        const failure = seen.body.status?.conditions?.find((one) => String(one.type) === 'ReplicaFailure')
        expect(failure).toMatchObject({ status: 'True', reason: 'FailedCreate' })
        expect(String(failure?.message)).toContain('exceeded quota')
        const events = await api.call('GET', `${at('events')}?fieldSelector=reason%3DFailedCreate`)
        expect(events.body.items?.length).toBeGreaterThan(0)
        ns = home
      })

      test('a foreground deletion ends when the pods are gone', async () => {
        await api.call('DELETE', deployments('web'), { propagationPolicy: 'Foreground' })
        await eventually(
          () => api.call('GET', deployments('web')),
          (answer) => answer.code === 404,
        )
        expect(
          (await api.call('GET', `${at('replicasets', '', 'apps/v1')}?labelSelector=app%3Dweb`)).body.items?.length,
        ).toBe(0)
      })

      test('what its owner leaves behind is collected, unless orphaned', async () => {
        await api.call('POST', deployments(), deployment('leave', 0))
        await rolledOut('leave', 0)
        const sets = (): Promise<Answer> =>
          api.call('GET', `${at('replicasets', '', 'apps/v1')}?labelSelector=app%3Dleave`)
        await api.call('DELETE', deployments('leave'), { propagationPolicy: 'Orphan' })
        await eventually(
          () => api.call('GET', deployments('leave')),
          (answer) => answer.code === 404,
        )
        const left = await sets()
        expect(left.body.items?.map((set) => set.metadata?.ownerReferences)).toEqual([undefined])
      })
    })

    test('a caller can ask what it may do', async () => {
      const review = {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        spec: {
          resourceAttributes: { namespace: ns, verb: 'patch', group: 'apps', resource: 'deployments', name: 'web' },
        },
      }
      const answer = await api.call('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', review)
      expect([answer.code, answer.body.status?.allowed]).toEqual([201, true])
    })
  })
}
