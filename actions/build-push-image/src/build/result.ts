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

/** What became of one call of buildx. `digest`: of what was pushed. */
export type BuildResult =
  | { readonly kind: 'done'; readonly digest: string | undefined; readonly progress: Progress }
  | {
      readonly kind: 'failed'
      readonly failure: Failure
      readonly transient: Transient | undefined
      readonly progress: Progress
    }
  | { readonly kind: 'cancelled' }
