import { mkdirSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import { parse } from 'yaml'
import { writeAdmin } from './access.ts'
import { built } from './modules.ts'
import type { Paths } from './paths.ts'
import { PORTS } from './processes.ts'
import { output, succeed } from './shell.ts'

/** A node of kind: the process whose network is the cluster's, and its address on this machine. */
export type KindNode = { readonly pid: number; readonly address: string }

/** Whether Docker runs here and gets images from its registry: kind's node is one. */
export const dockerPulls = (image = 'hello-world:latest'): boolean =>
  output('docker', ['info']) !== undefined && output('docker', ['manifest', 'inspect', image]) !== undefined

const clusterOf = ({ name }: Paths): string => `sluice-${name}`

/** The node of this cluster, when it runs. Source: kind's naming, `<cluster>-control-plane`. */
export const kindNode = (paths: Paths): KindNode | undefined => {
  const format = '{{.State.Pid}} {{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}'
  const told = output('docker', ['inspect', '--format', format, `${clusterOf(paths)}-control-plane`])
  const [pid, address] = (told ?? '').split(' ')
  return pid === undefined || address === undefined || Number(pid) === 0 ? undefined : { pid: Number(pid), address }
}

/** Creates the node with the image that this version of kind was released with, by digest, and an administrator's token of its own. */
export const kindUp = async (paths: Paths): Promise<KindNode> => {
  const file = join(paths.run, 'kind.kubeconfig')
  mkdirSync(paths.run, { recursive: true })
  succeed(built(paths, 'kind'), [
    'create',
    'cluster',
    '--name',
    clusterOf(paths),
    '--kubeconfig',
    file,
    '--wait',
    '120s',
  ])
  const node = kindNode(paths)
  if (node === undefined) throw new Error('kind says that it created its node, and Docker does not know it')
  const config = parse(succeed(built(paths, 'kind'), ['get', 'kubeconfig', '--name', clusterOf(paths)])) as Kubeconfig
  const ca = decoded(config.clusters[0]?.cluster['certificate-authority-data'])
  const user = config.users[0]?.user
  const tls = { ca, cert: decoded(user?.['client-certificate-data']), key: decoded(user?.['client-key-data']) }
  const post = (path: string, body: object): Promise<string> => posted(node, path, { ...tls, body })
  await post('/api/v1/namespaces/kube-system/serviceaccounts', { metadata: { name: 'admin' } })
  await post('/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
    metadata: { name: 'admin-of-tests' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ kind: 'ServiceAccount', name: 'admin', namespace: 'kube-system' }],
  })
  const text = await post('/api/v1/namespaces/kube-system/serviceaccounts/admin/token', {
    spec: { expirationSeconds: 86_400 },
  })
  const { token } = (JSON.parse(text) as { readonly status: { readonly token: string } }).status
  mkdirSync(join(paths.run, 'api'), { recursive: true })
  writeFileSync(join(paths.run, 'api/apiserver.crt'), ca)
  writeAdmin(paths.run, PORTS.api, token)
  return node
}

/** Deletes the node; none there is fine. */
export const kindDown = (paths: Paths): void => {
  if (output('docker', ['inspect', `${clusterOf(paths)}-control-plane`]) === undefined) return
  succeed(built(paths, 'kind'), [
    'delete',
    'cluster',
    '--name',
    clusterOf(paths),
    '--kubeconfig',
    join(paths.run, 'kind.kubeconfig'),
  ])
}

type Kubeconfig = {
  readonly clusters: readonly { readonly cluster: Readonly<Record<string, string>> }[]
  readonly users: readonly { readonly user: Readonly<Record<string, string>> }[]
}

const decoded = (text = ''): string => Buffer.from(text, 'base64').toString()

const posted = (
  { address }: KindNode,
  path: string,
  { body, ...tls }: { readonly ca: string; readonly cert: string; readonly key: string; readonly body: object },
): Promise<string> =>
  new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' }
    const sent = request(
      `https://${address}:${PORTS.api}${path}`,
      { method: 'POST', headers, agent: false, ...tls },
      (answer) => {
        let text = ''
        answer.setEncoding('utf8').on('data', (part: string) => {
          text += part
        })
        answer.on('end', () =>
          answer.statusCode === 201 ? resolve(text) : reject(new Error(`${path}: ${answer.statusCode} ${text}`)),
        )
      },
    )
    sent.once('error', reject)
    sent.end(JSON.stringify(body))
  })
