import type { Scan } from '../found.ts'
import type { Purl } from './purl.ts'

/** Whether a package URL names a container image. */
export const namesImage = ({ type }: Purl): boolean => type === 'oci' || type === 'docker'

/**
 * Whether an image that was scanned is the one that a package URL names: the same digest; without one the same name, repository (`repository_url`, with or without the name at its end) and tag,
 * as far as they are given. The platform is not compared: a report's digest may be of an index.
 */
export const sameImage = (purl: Purl, { name, type, digest }: Scan['artifact']): boolean => {
  if (!/image|cyclonedx|spdx/i.test(type)) return false
  const { repository, tag, digest: named } = reference(name)
  const version = purl.version
  if (version?.startsWith('sha256:') === true) return version === (digest ?? named)
  const tags = [version, purl.qualifiers.get('tag')].filter((each) => each !== undefined)
  const path = purl.name.toLowerCase()
  if (repository !== path && !repository.endsWith(`/${path}`)) return false
  if (tags.some((each) => each !== tag)) return false
  const url = purl.qualifiers.get('repository_url')
  if (url === undefined) return true
  const place = canonical(
    url
      .replace(/^https?:\/\//, '')
      .replace(/\/+$/, '')
      .toLowerCase(),
  )
  return place === repository || canonical(place === '' ? path : `${place}/${path}`) === repository
}

const reference = (name: string): { readonly repository: string; readonly tag: string; readonly digest?: string } => {
  const [tagged = '', digest] = name.split('@')
  const colon = tagged.indexOf(':', tagged.lastIndexOf('/') + 1)
  const repository = canonical((colon < 0 ? tagged : tagged.slice(0, colon)).toLowerCase())
  return { repository, tag: colon < 0 ? 'latest' : tagged.slice(colon + 1), ...(digest !== undefined && { digest }) }
}

/** Docker Hub has several names, and leaves out its own and that of its library. */
const canonical = (repository: string): string =>
  repository.replace(/^(?:(?:index|registry-1|www)\.)?docker\.io(?:\/|$)/, '').replace(/^library\//, '')
