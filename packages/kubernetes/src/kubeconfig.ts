import { readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { KubeConfig } from '@kubernetes/client-node'
import { Fault } from '@sluice/kit/faults'
import { tokenEnd } from './token.ts'

/** Where a kubeconfig comes from. `kubeconfig`: a path or the text itself; empty: KUBECONFIG, ~/.kube/config, then the pod's own account. */
export type KubeconfigSource = {
  readonly kubeconfig?: string | undefined
  readonly context?: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
}

/** A checked kubeconfig: its current context names a cluster and a user that are there. `origin` says where it was found, for messages. */
export type LoadedConfig = {
  readonly config: KubeConfig
  readonly origin: string
  readonly server: string
  readonly namespace: string
  readonly user: string
  readonly proxied: boolean
  /** When the credential ends that nothing renews, ms UTC: a token in the kubeconfig itself that says so. Absent where there is another way to log in. */
  readonly credentialEnd?: number
}

/**
 * Finds, reads and checks a kubeconfig. Reads files each time it is called, so that a renewed credential is seen.
 * @throws Fault('input') for one that is missing, empty or not YAML, names an unknown context, cluster or user, or holds no credential
 */
export const loadKubeconfig = ({ kubeconfig, context, env }: KubeconfigSource): LoadedConfig => {
  const { config, origin } = find(kubeconfig?.trim() ?? '', env)
  const wanted = context?.trim() || config.currentContext
  const names = config.contexts.map(({ name }) => name)
  const known = names.length === 0 ? 'It has no contexts' : `It has: ${names.join(', ')}`
  if (!wanted) throw new Fault('input', `${origin} has no current context`, `Name one with the input context. ${known}`)
  const found = config.contexts.find(({ name }) => name === wanted)
  if (found === undefined) throw new Fault('input', `${origin} has no context "${wanted}"`, known)

  const cluster = config.clusters.find(({ name }) => name === found.cluster)
  if (cluster === undefined)
    throw new Fault('input', `${origin}: context "${wanted}" names a cluster "${found.cluster}" that is not in it`)
  const user = config.users.find(({ name }) => name === found.user) ?? {
    name: found.user ? missingUser(origin, wanted, found.user) : 'anonymous',
  }
  const url = serverUrl(cluster.server, origin)
  const local = isLoopback(url.hostname)
  if (url.protocol === 'http:' && !local)
    throw new Fault(
      'input',
      `${origin}: cluster "${cluster.name}" is at ${cluster.server}, which would send the credential in the clear`,
      'Use its https:// address',
    )
  if (url.protocol === 'https:' && !hasCredential(user))
    throw new Fault(
      'input',
      `${origin}: user "${user.name}" has no credential: no token, client certificate, exec plugin or password`,
      'A secret of an environment is empty in a called workflow unless its caller passes it (secrets: inherit)',
    )

  const end = staticEnd(user)
  const checked = new KubeConfig()
  checked.loadFromOptions({
    // The client refuses plain http unless certificates are not looked at; on loopback there are none.
    clusters: [url.protocol === 'http:' ? { ...cluster, skipTLSVerify: true } : cluster],
    users: [user],
    contexts: [{ ...found, user: user.name }],
    currentContext: wanted,
  })
  return {
    config: checked,
    origin,
    server: cluster.server,
    namespace: found.namespace ?? 'default',
    user: user.name,
    proxied: Boolean(cluster.proxyUrl),
    ...(end === undefined ? {} : { credentialEnd: end }),
  }
}

type Found = { readonly config: KubeConfig; readonly origin: string }

const find = (given: string, env: KubeconfigSource['env']): Found => {
  if (isText(given)) return { config: parse(given, 'the given kubeconfig'), origin: 'the given kubeconfig' }
  if (given !== '') return fromFile(given, `kubeconfig ${given}`)
  const listed = (env.KUBECONFIG ?? '').split(process.platform === 'win32' ? ';' : ':').filter((file) => file !== '')
  if (listed.length > 0) return merged(listed)
  const home = env.HOME || env.USERPROFILE
  const usual = home ? join(home, '.kube', 'config') : undefined
  if (usual !== undefined && read(usual) !== undefined) return fromFile(usual, `kubeconfig ${usual}`)
  const inCluster = fromPod(env)
  if (inCluster !== undefined) return inCluster
  throw new Fault(
    'input',
    `No kubeconfig: none was given, KUBECONFIG is not set${usual === undefined ? '' : `, ${usual} does not exist`} and this is not a pod with an account`,
    'Give the input kubeconfig (a path or the text), or log in to the cluster first',
  )
}

const isText = (given: string): boolean =>
  given.includes('\n') || given.startsWith('{') || /^apiVersion\s*:/.test(given)

const fromFile = (file: string, origin: string): Found => {
  const text = read(file)
  if (text === undefined) throw new Fault('input', `${origin} does not exist`, `Looked for ${resolve(file)}`)
  const config = parse(text, origin)
  const base = dirname(resolve(file))
  config.makePathsAbsolute(base)
  for (const user of config.users) {
    const settings = user.authProvider?.config
    if (typeof settings?.tokenFile === 'string') settings.tokenFile = resolve(base, settings.tokenFile)
  }
  return { config, origin }
}

/** The first file to name a cluster, user, context or current context wins, and files that are missing are passed over, as kubectl does. */
const merged = (files: readonly string[]): Found => {
  const origin = `kubeconfig ${files.join(':')} (KUBECONFIG)`
  const present = files.length === 1 ? files : files.filter((file) => read(file) !== undefined)
  if (present.length === 0) throw new Fault('input', `${origin}: none of these files exists`)
  const parts = present.map((file) => fromFile(file, present.length === 1 ? origin : `kubeconfig ${file}`).config)
  const config = new KubeConfig()
  config.loadFromOptions({
    clusters: firstByName(parts.flatMap((part) => part.clusters)),
    users: firstByName(parts.flatMap((part) => part.users)),
    contexts: firstByName(parts.flatMap((part) => part.contexts)),
    currentContext: parts.find((part) => part.currentContext)?.currentContext ?? '',
  })
  return { config, origin }
}

const firstByName = <T extends { readonly name: string }>(all: readonly T[]): T[] =>
  all.filter((one, index) => all.findIndex(({ name }) => name === one.name) === index)

const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'

const fromPod = (env: KubeconfigSource['env']): Found | undefined => {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = env
  if (!host || !port || read(`${ACCOUNT}/token`) === undefined) return undefined
  const config = new KubeConfig()
  const namespace = read(`${ACCOUNT}/namespace`)?.trim()
  config.loadFromOptions({
    clusters: [
      {
        name: 'in-cluster',
        server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
        caFile: `${ACCOUNT}/ca.crt`,
        skipTLSVerify: false,
      },
    ],
    users: [
      { name: 'service account', authProvider: { name: 'tokenFile', config: { tokenFile: `${ACCOUNT}/token` } } },
    ],
    contexts: [
      { name: 'in-cluster', cluster: 'in-cluster', user: 'service account', ...(namespace ? { namespace } : {}) },
    ],
    currentContext: 'in-cluster',
  })
  return { config, origin: "the pod's own account" }
}

const parse = (text: string, origin: string): KubeConfig => {
  if (text.trim() === '') throw new Fault('input', `${origin} is empty`, EMPTY)
  const config = new KubeConfig()
  try {
    config.loadFromString(withTokenFiles(text))
  } catch (error) {
    throw new Fault('input', `${origin} is not a kubeconfig: ${firstLine(error)}`)
  }
  if (config.clusters.length === 0 || config.contexts.length === 0)
    throw new Fault(
      'input',
      `${origin} is not a kubeconfig: it has no ${config.clusters.length === 0 ? 'clusters' : 'contexts'}`,
      isBase64(text) ? 'It is base64: keep the YAML itself in the secret' : undefined,
    )
  return config
}

/** Many a guide says to keep a kubeconfig as base64. */
const isBase64 = (text: string): boolean =>
  /^[A-Za-z0-9+/=\s]+$/.test(text) && Buffer.from(text, 'base64').toString('utf8').includes('clusters')

const EMPTY = 'A secret of an environment is empty in a called workflow unless its caller passes it (secrets: inherit)'

/** A parser's message goes on with an excerpt of the file, which may hold the credential. */
const firstLine = (error: unknown): string => {
  const text = error instanceof Error ? error.message : String(error)
  return text.startsWith('Cannot read properties') ? 'it is not a YAML mapping' : (text.split('\n')[0] ?? '')
}

/** The client knows a token's file only as an authentication provider of its own; kubeconfigs write it as `tokenFile`. */
const withTokenFiles = (text: string): string =>
  text.replace(
    /(^|[\s{,])(["']?)tokenFile\2\s*:\s*("[^"\n]*"|'[^'\n]*'|[^\s,}#]+)/g,
    (_, before: string, _quote: string, value: string) =>
      `${before}"auth-provider": {"name": "tokenFile", "config": {"tokenFile": ${value}}}`,
  )

const read = (file: string): string | undefined => {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw new Fault(
      'input',
      `kubeconfig ${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
}

const missingUser = (origin: string, context: string, user: string): never => {
  throw new Fault('input', `${origin}: context "${context}" names a user "${user}" that is not in it`)
}

const serverUrl = (server: string, origin: string): URL => {
  const url = URL.canParse(server) ? new URL(server) : undefined
  if (url !== undefined && /^https?:$/.test(url.protocol)) return url
  throw new Fault('input', `${origin}: the server "${server}" is not an http or https address`)
}

const isLoopback = (host: string): boolean => host === 'localhost' || host === '[::1]' || /^127\./.test(host)

/** Exec plugins, files and providers give a new credential when asked again; a certificate is one of its own. */
const staticEnd = (user: KubeConfig['users'][number]): number | undefined =>
  user.exec || user.authProvider || user.certData || user.certFile ? undefined : tokenEnd(user.token)

const hasCredential = (user: KubeConfig['users'][number]): boolean =>
  Boolean(
    user.token || user.certData || user.certFile || user.exec || user.authProvider || (user.username && user.password),
  )
