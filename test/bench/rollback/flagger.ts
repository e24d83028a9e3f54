import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import { parseAllDocuments } from 'yaml'
import { call, kubeconfigOf } from '../../cluster/access.ts'
import { built, sourceOf } from '../../cluster/modules.ts'
import { type Real, until } from '../../cluster/site.ts'
import { type Contestant, podsOf, shareOf } from './contestant.ts'
import type { Verdict } from './measured.ts'

type Canary = KubernetesObject & { readonly status?: { readonly phase?: string } }
type Route = KubernetesObject & {
  readonly spec: { readonly rules: readonly { readonly backendRefs: readonly { name: string; weight?: number }[] }[] }
}
type Deployment = KubernetesObject & {
  readonly spec: {
    readonly template: { readonly spec: { readonly containers: readonly { readonly image: string }[] } }
  }
}

/** Flagger: the user patches the Deployment, the controller does the rest. It scales the canary to nothing before it says its word. */
export const flagger: Contestant = {
  delay: 0,
  prepare: async (place) => {
    const phase = async () => (await place.get<Canary>('flagger.app/v1beta1', 'canaries', 'shop'))?.status?.phase
    await until(async () => (await phase()) === 'Initialized', 120_000, 'a Canary that is Initialized')
    const route = () => place.get<Route>('gateway.networking.k8s.io/v1', 'httproutes', 'shop')
    const weight = async () => shareOf((await route())?.spec.rules[0]?.backendRefs ?? [], 'shop-canary')
    return {
      weight,
      release: async (image) => {
        const startedAt = Date.now()
        const target = { apiVersion: 'apps/v1', resource: 'deployments', namespace: place.namespace }
        const path = '/spec/template/spec/containers/0/image'
        const written = await place.admin.jsonPatch(target, 'shop', [{ op: 'replace', path, value: image }])
        if (written.kind !== 'written') throw new Error(`the Deployment was not patched: ${written.kind}`)
        const ended = async (): Promise<Verdict | undefined> => WORDS[(await phase()) ?? '']
        return { startedAt, wroteAt: startedAt, ended, stop: () => undefined }
      },
      left: async (lost) => {
        const live = await place.get<Deployment>('apps/v1', 'deployments', 'shop')
        const names = live?.spec.template.spec.containers[0]?.image === lost
        return {
          passing: [...(await podsOf(place, lost)), ...((await weight()) === 0 ? [] : ['a weight of the canary'])],
          lasting: names ? ['the Deployment still names the rejected image'] : [],
        }
      },
    }
  },
}

const WORDS: Readonly<Record<string, Verdict>> = { Failed: 'stopped', Succeeded: 'promoted' }
const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'

/** Flagger's version, as its go.mod here has it. */
export const FLAGGER = 'v1.41.0'

/**
 * Starts Flagger's controller beside the cluster, and applies its definitions. Its process ends with this one, however this one ends; `stop` also takes its
 * definitions away.
 */
export const startFlagger = async (real: Real): Promise<{ stop(): Promise<void> }> => {
  const source = sourceOf(`github.com/fluxcd/flagger@${FLAGGER}`)
  const definitions = parseAllDocuments(readFileSync(join(source, 'artifacts/flagger/crd.yaml'), 'utf8'))
    .map((document) => document.toJS() as Definition | null)
    .filter((one) => one !== null)
  await define(real, definitions)
  const folder = mkdtempSync(join(tmpdir(), 'sluice-flagger-'))
  const kubeconfig = join(folder, 'kubeconfig')
  writeFileSync(kubeconfig, kubeconfigOf(real.access), { mode: 0o600 })
  const port = await freePort()
  const log = openSync(join(folder, 'log'), 'w')
  const args = [
    ...['-kubeconfig', kubeconfig, '-mesh-provider', 'gatewayapi:v1', '-metrics-server', real.prometheus],
    ...['-port', String(port), '-enable-leader-election=false', '-log-level', 'info'],
  ]
  const ends = ['--pdeathsig', 'KILL', '--', built(real.paths, 'flagger'), ...args]
  const child = spawn('setpriv', ends, { stdio: ['ignore', log, log] })
  closeSync(log)
  const stop = async (): Promise<void> => {
    await endOf(child)
    for (const { metadata } of definitions) await call(real.access, 'DELETE', `${DEFINITIONS}/${metadata.name}`)
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await until(() => isUp(port, child), 60_000, 'Flagger')
    return { stop }
  } catch (thrown) {
    process.stderr.write(readFileSync(join(folder, 'log'), 'utf8').slice(-2000))
    await stop()
    throw thrown
  }
}

type Definition = { readonly metadata: { readonly name: string } }

/** Creates the definitions and waits until they are served. Not by server-side apply, which refuses a description that the file has in pieces. */
const define = async (real: Real, definitions: readonly Definition[]): Promise<void> => {
  for (const definition of definitions) {
    const body = { type: 'application/json', text: JSON.stringify(definition) }
    const { code, text } = await call(real.access, 'POST', DEFINITIONS, body)
    if (code !== 201 && code !== 409) throw new Error(`${definition.metadata.name}: ${code} ${text.slice(0, 500)}`)
  }
  const served = async (): Promise<boolean> => {
    const { text } = await call(real.access, 'GET', '/apis/flagger.app/v1beta1')
    return definitions.every(({ metadata }) => text.includes(`"name":"${metadata.name.split('.')[0]}"`))
  }
  await until(served, 30_000, "Flagger's definitions")
}

const isUp = async (port: number, child: ChildProcess): Promise<boolean> => {
  if (child.exitCode !== null) throw new Error(`Flagger ended with ${child.exitCode}`)
  return fetch(`http://127.0.0.1:${port}/healthz`).then(
    ({ ok }) => ok,
    () => false,
  )
}

const endOf = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve()
    child.once('exit', () => resolve())
    child.kill('SIGKILL')
  })

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
