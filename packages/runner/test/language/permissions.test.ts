import { expect, test } from 'vitest'
import { defaultGrant, excess, grantFor, grantOf } from '../../src/language/permissions.ts'
import type { Permissions } from '../../src/workflow.ts'

const otherwise = defaultGrant('restricted')

test('by default a token reads contents and packages, or writes all but id-token', () => {
  expect(otherwise).toEqual({ contents: 'read', packages: 'read' })
  expect(defaultGrant('permissive')).toMatchObject({ contents: 'write', deployments: 'write', 'id-token': 'none' })
})

test.each<[string, Permissions | undefined, Permissions | undefined, object]>([
  ['nothing said: the default', undefined, undefined, { contents: 'read', packages: 'read' }],
  ['the file’s, for a job that says nothing', undefined, { actions: 'read' }, { actions: 'read' }],
  ['the job’s over the file’s, none of which is added', { issues: 'write' }, { actions: 'read' }, { issues: 'write' }],
  ['an empty mapping is nothing at all', {}, 'write-all', {}],
])('a job’s token gets %s', (_, job, workflow, grant) => {
  expect(grantFor({ job, workflow, otherwise })).toEqual(grant)
})

test('read-all reads, and gives no identity token; write-all does', () => {
  expect(grantOf('read-all')).toMatchObject({ contents: 'read', 'id-token': 'none', models: 'read' })
  expect(grantOf('write-all')).toMatchObject({ contents: 'write', 'id-token': 'write', models: 'read' })
})

test('a pull request of a fork only reads', () => {
  const grant = grantFor({
    job: { contents: 'write', 'id-token': 'write', issues: 'none' },
    workflow: undefined,
    otherwise,
    fork: true,
  })
  expect(grant).toEqual({ contents: 'read', 'id-token': 'none', issues: 'none' })
})

test.each<[Permissions, object | undefined]>([
  [{ contents: 'read' }, undefined],
  [{ actions: 'none' }, undefined],
  [{}, undefined],
  [
    { contents: 'write', 'id-token': 'write' },
    { requested: 'contents: write, id-token: write', allowed: 'contents: read, id-token: none' },
  ],
])('asking for %j of a token that reads contents is beyond it by %j', (asked, beyond) => {
  expect(excess(asked, { contents: 'read' })).toEqual(beyond)
})
