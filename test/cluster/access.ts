import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'

/** How the machine reaches a cluster: what a kubeconfig says, taken apart. */
export type Access = { readonly server: string; readonly token: string; readonly ca: string }

/** The users that the API server knows by their tokens; a cluster's first and only secrets, made anew each time. */
const USERS: Readonly<Record<string, { readonly user: string; readonly groups: string }>> = {
  admin: { user: 'admin', groups: 'system:masters' },
  controllers: { user: 'system:kube-controller-manager', groups: 'system:masters' },
  scheduler: { user: 'system:kube-scheduler', groups: 'system:masters' },
  kubelet: { user: 'system:node:node', groups: 'system:nodes' },
}

/** Writes tokens, keys and the programs' kubeconfigs into the cluster's folder. They reach the API server over the loopback of their own namespace. */
export const writeCredentials = (run: string, port: number): void => {
  const tokens = Object.entries(USERS).map(([name, { user, groups }]) => ({
    name,
    user,
    groups,
    token: randomBytes(24).toString('hex'),
  }))
  const secret = { mode: 0o600 }
  writeFileSync(
    join(run, 'tokens.csv'),
    tokens.map(({ token, user, name, groups }) => `${token},${user},${name},"${groups}"\n`).join(''),
    secret,
  )
  for (const { name, token } of tokens) {
    const cluster = { server: `https://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true }
    writeFileSync(join(run, `${name}.kubeconfig`), kubeconfig(cluster, token), secret)
  }
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  writeFileSync(join(run, 'service-account.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }), secret)
  writeFileSync(join(run, 'service-account.pub'), publicKey.export({ type: 'spki', format: 'pem' }))
}

/** The same for a cluster that has made its administrator itself: only the token and the kubeconfig of the programs beside it. */
export const writeAdmin = (run: string, port: number, token: string): void => {
  const secret = { mode: 0o600 }
  writeFileSync(join(run, 'tokens.csv'), `${token},admin,admin,""\n`, secret)
  const cluster = { server: `https://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true }
  writeFileSync(join(run, 'admin.kubeconfig'), kubeconfig(cluster, token), secret)
}

/** How the machine reaches the API server as an administrator. @throws Error while the API server has not made its certificate */
export const adminAccess = (run: string, address: string, port: number): Access => {
  const token = /^([^,]+),admin,/m.exec(readFileSync(join(run, 'tokens.csv'), 'utf8'))?.[1] ?? ''
  return { server: `https://${address}:${port}`, token, ca: readFileSync(join(run, 'api/apiserver.crt'), 'utf8') }
}

/** A kubeconfig for whoever is outside. */
export const kubeconfigOf = ({ server, token, ca }: Access, namespace = 'default'): string =>
  kubeconfig({ server, 'certificate-authority-data': Buffer.from(ca).toString('base64') }, token, namespace)

/** JSON is YAML: what reads kubeconfigs reads it. */
const kubeconfig = (cluster: object, token: string, namespace = 'default'): string =>
  `${JSON.stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'sluice', cluster }],
      users: [{ name: 'user', user: { token } }],
      contexts: [{ name: 'sluice', context: { cluster: 'sluice', user: 'user', namespace } }],
      'current-context': 'sluice',
    },
    null,
    2,
  )}\n`

/** One call of the API server. */
export const call = (
  { server, token, ca }: Access,
  method: string,
  path: string,
  body?: { readonly type: string; readonly text: string },
): Promise<{ readonly code: number; readonly text: string }> =>
  new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': body.type, 'content-length': Buffer.byteLength(body.text) }),
    }
    const sent = request(`${server}${path}`, { method, headers, ca, agent: false, timeout: 30_000 }, (answer) => {
      const parts: Buffer[] = []
      answer.on('data', (part: Buffer) => parts.push(part))
      answer.on('end', () => resolve({ code: answer.statusCode ?? 0, text: Buffer.concat(parts).toString() }))
      answer.once('error', reject)
    })
    sent.once('timeout', () => sent.destroy(new Error(`${method} ${path}: no answer in 30 s`)))
    sent.once('error', reject)
    sent.end(body?.text)
  })

/** Server-side apply of one object, its collection given. @throws Error with the API server's words */
export const apply = async (
  access: Access,
  collection: string,
  object: { readonly metadata: { readonly name: string } },
): Promise<void> => {
  const path = `${collection}/${object.metadata.name}?fieldManager=cluster&force=true`
  const { code, text } = await call(access, 'PATCH', path, {
    type: 'application/apply-patch+yaml',
    text: JSON.stringify(object),
  })
  if (code !== 200 && code !== 201)
    throw new Error(`${collection}/${object.metadata.name}: ${code} ${text.slice(0, 500)}`)
}
