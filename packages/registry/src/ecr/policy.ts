import { isDeepStrictEqual } from 'node:util'

/** How a repository is made. `lifecycle`: the JSON of a lifecycle policy; `kmsKey`: the ARN, id or alias of a key. */
export type EcrPolicy = {
  readonly immutable: boolean
  readonly scanOnPush: boolean
  readonly lifecycle?: string
  readonly kmsKey?: string
}

/** The settings of a repository as ECR tells them. */
export type EcrSettings = {
  readonly imageTagMutability?: string | undefined
  readonly imageTagMutabilityExclusionFilters?:
    | readonly { readonly filterType?: string | undefined; readonly filter?: string | undefined }[]
    | undefined
  readonly imageScanningConfiguration?: { readonly scanOnPush?: boolean | undefined } | undefined
  readonly encryptionConfiguration?:
    | { readonly encryptionType?: string | undefined; readonly kmsKey?: string | undefined }
    | undefined
}

/**
 * Whether a tag cannot be overwritten once it is written. The filters of the kinds WITH_EXCLUSION name the tags for which the opposite holds; `*` stands
 * for any characters, also none. A kind that is not known counts as immutable: a tag that is looked up in vain costs less than one that is lost.
 * Source: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImageTagMutability.html
 */
export const isImmutable = (settings: EcrSettings, tag: string): boolean => {
  const excluded = (settings.imageTagMutabilityExclusionFilters ?? []).some(
    ({ filter }) => filter !== undefined && wildcard(filter).test(tag),
  )
  switch (settings.imageTagMutability ?? 'MUTABLE') {
    case 'MUTABLE':
      return false
    case 'MUTABLE_WITH_EXCLUSION':
      return excluded
    case 'IMMUTABLE_WITH_EXCLUSION':
      return !excluded
    default:
      return true
  }
}

const wildcard = (filter: string): RegExp => new RegExp(`^${filter.replace(/[^\w*-]/g, '\\$&').replaceAll('*', '.*')}$`)

/** What is wrong with the text of a lifecycle policy; `undefined` for one that ECR can be asked about. */
export const lifecycleProblem = (text: string): string | undefined => {
  const value = json(text)
  if (value === undefined) return 'is no JSON'
  const rules = typeof value === 'object' && value !== null && 'rules' in value ? value.rules : undefined
  return Array.isArray(rules) && rules.length > 0 ? undefined : 'has no list of rules'
}

/**
 * How a repository that was there already differs from what was asked for, one sentence each.
 * @param lifecycle its policy's text, `undefined` for none; asked for only where one is wanted
 */
export const differences = (
  repository: string,
  wanted: EcrPolicy,
  found: { readonly settings: EcrSettings; readonly lifecycle?: string | undefined },
): readonly string[] => {
  const { settings } = found
  const kind = settings.imageTagMutability ?? 'MUTABLE'
  const filters = (settings.imageTagMutabilityExclusionFilters ?? []).map(({ filter }) => filter).join(', ')
  const except = kind.endsWith('_WITH_EXCLUSION') ? `, except ${filters || 'none'}` : ''
  const can = kind.startsWith('MUTABLE') ? 'can' : 'cannot'
  const notes: string[] = []
  if (kind !== (wanted.immutable ? 'IMMUTABLE' : 'MUTABLE')) notes.push(`its tags ${can} be overwritten${except}`)
  if (wanted.scanOnPush && settings.imageScanningConfiguration?.scanOnPush !== true)
    notes.push('it does not scan on push by a setting of its own')
  if (!sameKey(wanted.kmsKey, settings)) notes.push(`it is encrypted with ${keyOf(settings)}, not ${wanted.kmsKey}`)
  if (wanted.lifecycle !== undefined && found.lifecycle === undefined) notes.push('it has no lifecycle policy')
  else if (wanted.lifecycle !== undefined && !isDeepStrictEqual(json(wanted.lifecycle), json(found.lifecycle ?? '')))
    notes.push('its lifecycle policy is another')
  return notes.map((note) => `${repository} was there already and is left as it is: ${note}`)
}

/** ECR tells a key by its ARN; an alias does not say which one it stands for. */
const sameKey = (wanted: string | undefined, { encryptionConfiguration: found }: EcrSettings): boolean => {
  if (wanted === undefined) return true
  if (!(found?.encryptionType ?? '').startsWith('KMS')) return false
  if (/(^|:)alias\//.test(wanted)) return true
  return found?.kmsKey === wanted || (found?.kmsKey ?? '').endsWith(`:key/${wanted}`)
}

const keyOf = ({ encryptionConfiguration: found }: EcrSettings): string =>
  found?.kmsKey ?? (found?.encryptionType === 'KMS' ? 'a key of AWS' : "ECR's own key (AES256)")

const json = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
