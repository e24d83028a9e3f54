import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Cluster, KubernetesObject } from '@sluice/kubernetes/cluster'
import { connect } from '@sluice/kubernetes/connect'
import { startSandbox } from '@sluice/sandbox/sandbox'
import { parse } from 'yaml'
import type { FaultName } from '../arguments.ts'
import { type Load, startLoad } from './load.ts'
import { contentOf, LOAD, type Release, releaseOf } from './plan.ts'
import { NAMES } from './production.ts'

/** Everything a rehearsal plays on. `undo` is done in reverse by `close`, once. */
export type Stage = {
  readonly root: string
  readonly directory: string
  readonly kubeconfig: string
  readonly cluster: Cluster
  readonly releases: { readonly first: Release; readonly good: Release; readonly second: Release }
  /** While this file is there the dependency that all releases share is out. */
  readonly outageFile: string
  /** Starts the clients against production's gateway. */
  load(): Load
  undo(step: () => Promise<void> | void): void
  close(): Promise<void>
}

const EXAMPLE = 'examples/support-router'

/** Starts the embedded cluster with the example's images, and sets up what a platform team would: namespaces and gateways. */
export const setStage = async (
  root: string,
  { fault, seed }: { readonly fault: FaultName; readonly seed: number },
): Promise<Stage> => {
  const steps: (() => Promise<void> | void)[] = []
  const close = async (): Promise<void> => {
    for (let step = steps.pop(); step !== undefined; step = steps.pop()) await step()
  }
  try {
    const directory = mkdtempSync(join(tmpdir(), 'sluice-rehearsal-'))
    steps.push(() => rmSync(directory, { recursive: true, force: true }))
    const outageFile = join(directory, 'outage')
    const content = contentOf(join(root, EXAMPLE), ['src', 'rehearsal', 'model'])
    const releases = {
      first: releaseOf(content, { label: 'r1', fault: 'none', seed, outageFile }),
      good: releaseOf(content, { label: 'r2', fault: 'none', seed, outageFile }),
      second: releaseOf(content, { label: 'r3', fault, seed, outageFile }),
    }
    const command = [process.execPath, 'rehearsal/main.ts']
    const image = ({ digest, env }: Release) => [digest, { command, cwd: join(root, EXAMPLE), env }] as const
    const sandbox = await startSandbox({ images: Object.fromEntries(Object.values(releases).map(image)) })
    steps.push(() => sandbox.stop())
    const kubeconfig = join(directory, 'kubeconfig')
    writeFileSync(kubeconfig, sandbox.kubeconfig({ namespace: NAMES.production }), { mode: 0o600 })
    const cluster = await connect({ kubeconfig, env: {} })
    for (const environment of ['staging', 'production'])
      await setUp(cluster, join(root, EXAMPLE, 'manifests/platform', environment))
    return {
      root,
      directory,
      kubeconfig,
      cluster,
      releases,
      outageFile,
      load: () => {
        const load = startLoad(
          {
            ...LOAD,
            seed,
            url: sandbox.gatewayUrl(NAMES.production, NAMES.gateway),
            tickets: join(root, EXAMPLE, 'data/tickets.tsv'),
          },
          (text) => process.stderr.write(`${text}\n`),
        )
        steps.push(load.stop)
        return load
      },
      undo: (step) => void steps.push(step),
      close,
    }
  } catch (thrown) {
    await close()
    throw thrown
  }
}

/** The files of a folder of `manifests/platform`, applied as they are. */
const setUp = async (cluster: Cluster, folder: string): Promise<void> => {
  for (const [file, resource] of [
    ['namespace.yaml', 'namespaces'],
    ['gateway.yaml', 'gateways'],
  ] as const) {
    const source = readFileSync(join(folder, file), 'utf8').replaceAll(`\${GATEWAY_CLASS}`, 'sluice')
    const object: KubernetesObject = parse(source)
    const { namespace } = object.metadata
    const place = { apiVersion: object.apiVersion, resource, ...(namespace === undefined ? {} : { namespace }) }
    await cluster.apply(place, object, { fieldManager: 'platform' })
  }
}
