import type { Failure } from './failure.ts'
import type { Progress } from './progress.ts'
import type { Transient } from './transient.ts'

/** What builds. Versions are as they are told, `''` where they are not; platforms are those that run here, by emulation too. */
export type Builder = {
  readonly docker: string
  readonly buildx: string
  readonly name: string
  /** `docker`, `docker-container`, `kubernetes`, `remote` or `cloud` */
  readonly driver: string
  readonly buildkit: string
  readonly platforms: readonly string[]
}

/**
 * What became of one call of buildx. `digest`: of what was pushed. `ranAgain`: steps of the Dockerfile that a push or a load did once more after the build
 * had done them, so that its bytes are others than those that were built: a source moved, or the builder dropped its cache.
 */
export type BuildResult =
  | {
      readonly kind: 'done'
      readonly digest: string | undefined
      readonly ranAgain: readonly string[]
      readonly progress: Progress
    }
  | {
      readonly kind: 'failed'
      readonly failure: Failure
      readonly transient: Transient | undefined
      readonly progress: Progress
    }
  | { readonly kind: 'cancelled' }
