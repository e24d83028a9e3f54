/** A JSON object of the API server. Only what every object has is typed; the rest is read where it is needed. */
export type KubernetesObject = {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: Metadata
  readonly [field: string]: unknown
}

/** What every object carries; fields that are not named here travel along. */
export type Metadata = {
  readonly name: string
  readonly namespace?: string
  readonly uid?: string
  readonly resourceVersion?: string
  readonly generation?: number
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  readonly creationTimestamp?: string
  readonly deletionTimestamp?: string
  readonly ownerReferences?: readonly {
    readonly apiVersion: string
    readonly kind: string
    readonly name: string
    readonly uid: string
    readonly controller?: boolean
  }[]
  readonly [field: string]: unknown
}

/** Where a resource lives. `namespace` absent: cluster-scoped. `resource` is the plural in the path (`deployments`). */
export type Resource = {
  /** `v1`, `apps/v1`, `gateway.networking.k8s.io/v1` */
  readonly apiVersion: string
  readonly resource: string
  readonly namespace?: string
}

/** One operation of a JSON Patch (RFC 6902). */
export type PatchOperation =
  | { readonly op: 'add' | 'replace' | 'test'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string }

/** The answer to a write that others may have raced: a conflict is an outcome, not an exception. */
export type Written<T> =
  | { readonly kind: 'written'; readonly object: T }
  | { readonly kind: 'conflict'; readonly text: string }
  | { readonly kind: 'absent' }

/** `labels` all equal; `fields` as the API server takes them (`metadata.name=x`). */
export type ListOptions = { readonly labels?: Readonly<Record<string, string>>; readonly fields?: string }

/**
 * The API server, as far as Sluice drives it.
 * Every call throws `Fault('upstream')` for a server that cannot be reached, refuses (401, 403: with verb, resource and the RBAC rule
 * that would allow it) or fails (5xx after retries of calls that are safe to repeat); `Fault('input')` for an object it finds invalid (400, 422).
 * A missing object is `undefined`, a lost race is `conflict`.
 */
export type Cluster = {
  /** The server's URL, for messages. */
  readonly server: string
  /** The namespace of the kubeconfig's context, `default` when it names none. */
  readonly namespace: string
  /** When the credential ends that nothing renews, ms UTC; absent where it is renewed, or does not say. */
  readonly credentialEnd?: number
  /** Which version the API server is, `v1.34.4`; by default every account may ask. `undefined` where it does not say. */
  version(): Promise<string | undefined>
  get<T extends KubernetesObject>(resource: Resource, name: string): Promise<T | undefined>
  list<T extends KubernetesObject>(resource: Resource, options?: ListOptions): Promise<readonly T[]>
  create<T extends KubernetesObject>(resource: Resource, object: T, options?: { dryRun?: boolean }): Promise<Written<T>>
  /** PUT. `conflict` when the object's `metadata.resourceVersion` is not the live one. */
  update<T extends KubernetesObject>(resource: Resource, object: T): Promise<Written<T>>
  /** A JSON Patch whose `test` operations fail is a `conflict`. */
  jsonPatch<T extends KubernetesObject>(
    resource: Resource,
    name: string,
    operations: readonly PatchOperation[],
  ): Promise<Written<T>>
  mergePatch<T extends KubernetesObject>(resource: Resource, name: string, patch: unknown): Promise<Written<T>>
  /** Server-side apply. `conflict` when another field manager owns a field and `force` is not set. */
  apply<T extends KubernetesObject>(
    resource: Resource,
    object: T,
    options: { fieldManager: string; force?: boolean; dryRun?: boolean },
  ): Promise<Written<T>>
  /** Deletes only the object with this UID when one is given: `conflict` if another now has the name. */
  remove(
    resource: Resource,
    name: string,
    options?: { uid?: string; propagation?: 'Foreground' | 'Background' | 'Orphan' },
  ): Promise<'removed' | 'absent' | 'conflict'>
  /** Last lines of a container's log; empty when there is none yet. */
  logs(
    namespace: string,
    pod: string,
    options: { container?: string; tailLines: number; previous?: boolean },
  ): Promise<string>
  /** An HTTP request to a pod's or service's port through the API server. Never throws for what the target answers. */
  proxy(target: ProxyTarget, request: ProxyRequest): Promise<ProxyAnswer>
}

/** A pod or Service and one of its ports, by number or name. */
export type ProxyTarget = {
  readonly kind: 'pods' | 'services'
  readonly namespace: string
  readonly name: string
  readonly port: number | string
  readonly scheme?: 'http' | 'https'
}
/** A request that the API server hands on. `path` begins with `/`. */
export type ProxyRequest = {
  readonly path: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly timeoutMs: number
  /** Bodies larger than this are cut off and the answer is `too-large`. */
  readonly maxBytes: number
}
/** `forbidden` and `unreachable` are the API server's own refusals; `answered` is the target's. */
export type ProxyAnswer =
  | {
      readonly kind: 'answered'
      readonly status: number
      readonly headers: Readonly<Record<string, string>>
      readonly body: string
    }
  | { readonly kind: 'forbidden' | 'unreachable' | 'timed-out' | 'too-large'; readonly text: string }
