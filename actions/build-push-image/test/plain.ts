import type { BuildOrder } from '../src/build/order.ts'

/** A build of this folder that asks for nothing special. */
export const PLAIN: BuildOrder = {
  context: '.',
  dockerfile: undefined,
  target: undefined,
  platforms: [],
  buildArgs: [],
  labels: {},
  secrets: [],
  secretFiles: [],
  ssh: [],
  cache: { from: [], to: [] },
  provenance: 'none',
  sbom: false,
  noCache: false,
}
