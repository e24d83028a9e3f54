import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { nodeFiles, pushImage } from '../../scripts/image.ts'
import { adminAccess } from './access.ts'
import type { Box } from './box.ts'
import type { Paths } from './paths.ts'
import { PORTS } from './processes.ts'
import { accountWith } from './rights.ts'
import { registryOf } from './up.ts'

/** What another process needs to use the cluster as its owner. `registry`: its repositories' prefix as pods pull them. */
export type Described = {
  readonly name: string
  readonly kubeconfig: string
  readonly web: { readonly url: string; readonly port: number; readonly gatewayClass: string }
  readonly registry: string
}

/** The cluster that stands; `undefined` while it has not come up whole. */
export const describeCluster = ({ name, run }: Paths, { address }: Box): Described | undefined => {
  const kubeconfig = join(run, 'kubeconfig')
  if (!existsSync(kubeconfig)) return undefined
  return {
    name,
    kubeconfig: readFileSync(kubeconfig, 'utf8'),
    web: { url: `http://${address}:${PORTS.web}`, port: PORTS.web, gatewayClass: 'traefik' },
    registry: `127.0.0.1:${PORTS.registry}`,
  }
}

/** A program of Node to make an image of: files of a folder, which lie in /app, and what is started there. */
export type ProgramAsked = {
  readonly repository: string
  readonly folder: string
  readonly files: readonly string[]
  readonly command: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly ports: readonly number[]
}

/** Makes and pushes it; gives the digest that the registry knows it by. @throws Error as `pushImage` */
export const pushProgram = async (paths: Paths, { address }: Box, asked: ProgramAsked): Promise<{ digest: string }> => {
  const { repository, folder, files, command, env, ports } = asked
  const program = files.map((path) => ({ from: join(folder, path), to: `/app/${path}` }))
  const spec = {
    layers: [nodeFiles(), program],
    entrypoint: ['/usr/local/bin/node', ...command],
    workingDir: '/app',
    user: '65532:65532',
    ...{ env, ports },
  }
  const { digest } = await pushImage(registryOf(address), repository, spec, { cache: join(paths.cache, 'layers') })
  return { digest }
}

/** A service account with these Roles and a token of so many seconds. */
export type AccountAsked = {
  readonly namespace: string
  readonly name: string
  readonly roles: readonly { readonly name: string; readonly rules: readonly object[] }[]
  readonly seconds: number
}

/** Makes it, and gives its kubeconfig. @throws Error with the API server's words */
export const makeAccount = async (
  { run }: Paths,
  { address }: Box,
  { namespace, name, roles, seconds }: AccountAsked,
): Promise<{ kubeconfig: string }> => {
  const all = roles.map((role) => ({
    ...{ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role' },
    ...{ metadata: { name: role.name }, rules: role.rules },
  }))
  const access = adminAccess(run, address, PORTS.api)
  return { kubeconfig: await accountWith(access, namespace, { name, roles: all, seconds }) }
}
