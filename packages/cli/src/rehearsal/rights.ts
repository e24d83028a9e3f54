import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import { parse } from 'yaml'
import type { RecoveredPlace } from './recovery.ts'

/** A Role: what it is called, and its rules. */
export type Role = { readonly name: string; readonly rules: readonly Rule[] }
type Rule = {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly verbs: readonly string[]
  readonly resourceNames?: readonly string[]
}

/**
 * What the jobs that release to a namespace may do: the Roles as the READMEs of the actions tell their readers to make them, for this service instead of
 * `shop`, with the kinds of its own manifests.
 * @param root the checkout
 */
export const releaseRoles = (
  root: string,
  place: RecoveredPlace,
  manifests: readonly KubernetesObject[],
): readonly Role[] => [
  ...(
    [
      ['deploy', 'sluice-deploy'],
      ['smoke-test', 'sluice-smoke-test'],
      ['canary-promote', 'sluice-canary'],
    ] as const
  ).map(([action, name]) =>
    named(roleIn(readFileSync(join(root, 'actions', action, 'README.md'), 'utf8'), name), place),
  ),
  { name: 'sluice-manifests', rules: rulesFor(manifests) },
]

/** The Role of this name among a README's blocks of YAML. @throws Error when it has none */
export const roleIn = (readme: string, name: string): Role => {
  for (const [, block = ''] of readme.matchAll(/```yaml\n([\s\S]*?)```/g)) {
    if (!/^kind: Role$/m.test(block)) continue
    const role = parse(block) as { readonly metadata: { readonly name: string }; readonly rules: readonly Rule[] }
    if (role.metadata.name === name) return { name, rules: role.rules }
  }
  throw new Error(`No README has a Role ${name}`)
}

/** The same for another service: the READMEs call all of its objects `shop`. */
const named = ({ name, rules }: Role, { deployment, service, route }: RecoveredPlace): Role => ({
  name,
  rules: rules.map((rule) => {
    if (rule.resourceNames === undefined) return rule
    const own = rule.resources.includes('services')
      ? service
      : rule.resources.includes('httproutes')
        ? (route ?? service)
        : deployment
    return { ...rule, resourceNames: rule.resourceNames.map((each) => each.replace('shop', own)) }
  }),
})

/** What deploy's README says to add: the kinds that the manifests hold, by the API's usual plural. */
const rulesFor = (manifests: readonly KubernetesObject[]): readonly Rule[] =>
  [...new Set(manifests.map(({ apiVersion, kind }) => `${groupOf(apiVersion)} ${kind.toLowerCase()}s`))].map((each) => {
    const [group = '', resource = ''] = each.split(' ')
    return { apiGroups: [group], resources: [resource], verbs: ['get', 'create', 'patch', 'delete'] }
  })

const groupOf = (apiVersion: string): string => (apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '')
