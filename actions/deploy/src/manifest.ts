/** One object of a manifest, and where it was written. Lines count from 1. */
export type Manifest = {
  readonly file: string
  readonly line: number
  readonly object: ManifestObject
}

/** One object of a manifest, after templating. */
export type ManifestObject = {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
    readonly [field: string]: unknown
  }
  readonly [field: string]: unknown
}

/** What is wrong, at `file:line:column` where that is known. */
export type Problem = { readonly where: string; readonly text: string }

/** `Deployment/shop`, or `Deployment.apps/shop` where the group must be told. */
export const titleOf = ({ kind, metadata }: Pick<ManifestObject, 'kind' | 'metadata'>): string =>
  `${kind}/${metadata.name}`
