import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { type Access, apply, call, kubeconfigOf } from './access.ts'

/** A Role as a README has it. */
type Role = { readonly kind: string; readonly metadata: { readonly name: string }; readonly rules: readonly object[] }

const ROOT = join(import.meta.dirname, '../..')

/** The Role of this name that a README tells its readers to make. What a test runs with is what is written there, to the letter. */
export const roleIn = (readme: string, name: string): Role => {
  const text = readFileSync(join(ROOT, readme), 'utf8')
  const blocks = [...text.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, block = '']) => block)
  const roles = blocks.filter((block) => /^kind: Role$/m.test(block)).map((block) => parse(block) as Role)
  const found = roles.find(({ metadata }) => metadata.name === name)
  if (found === undefined)
    throw new Error(`${readme} has no Role ${name}; it has ${roles.map((role) => role.metadata.name).join(', ')}`)
  return found
}

/** Makes a service account that may do what these Roles say and nothing else, and gives a kubeconfig with a token of its own that ends. */
export const accountWith = async (
  access: Access,
  namespace: string,
  account: { readonly name: string; readonly roles: readonly Role[]; readonly seconds: number },
): Promise<string> => {
  const { name, roles } = account
  const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`
  await apply(access, `/api/v1/namespaces/${namespace}/serviceaccounts`, {
    ...{ apiVersion: 'v1', kind: 'ServiceAccount' },
    metadata: { name },
  })
  for (const role of roles) {
    const metadata = { name: role.metadata.name }
    await apply(access, `${rbac}/roles`, { ...role, metadata })
    await apply(access, `${rbac}/rolebindings`, {
      ...{ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding' },
      metadata: { name: `${name}-${role.metadata.name}` },
      ...{ roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: role.metadata.name } },
      ...{ subjects: [{ kind: 'ServiceAccount', name, namespace }] },
    })
  }
  return kubeconfigOf({ ...access, token: await tokenFor(access, namespace, name, account.seconds) }, namespace)
}

/** A token of a service account that ends; the API server gives ten minutes at least. Source: TokenRequest, authentication.k8s.io/v1. */
export const tokenFor = async (access: Access, namespace: string, name: string, seconds: number): Promise<string> => {
  const text = JSON.stringify({
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { expirationSeconds: Math.max(600, seconds) },
  })
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`
  const answer = await call(access, 'POST', path, { type: 'application/json', text })
  if (answer.code !== 201) throw new Error(`no token for ${namespace}/${name}: ${answer.text}`)
  return (JSON.parse(answer.text) as { readonly status: { readonly token: string } }).status.token
}
