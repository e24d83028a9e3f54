import { wrong } from './causes.ts'
import type { Kind } from './kinds.ts'
import { type Doc, isFields } from './objects.ts'
import type { Cause } from './refusals.ts'

/** A DNS label (RFC 1123). */
export const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/
const SERVICE_NAME = /^[a-z]([-a-z0-9]*[a-z0-9])?$/
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/
const VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/

/** What is wrong with an object's name and labels. */
export const metadataCauses = (kind: Kind, object: Doc): readonly Cause[] => {
  const { name, labels } = object.metadata
  const strict = kind.kind === 'Service' || kind.kind === 'Namespace'
  const pattern = kind.kind === 'Service' ? SERVICE_NAME : kind.kind === 'Namespace' ? LABEL : SUBDOMAIN
  const causes: Cause[] = []
  if (!pattern.test(name)) causes.push(wrong('metadata.name', name, strict ? labelRule(kind) : subdomainRule()))
  const longest = strict ? 63 : 253
  if (name.length > longest) causes.push(wrong('metadata.name', name, `must be no more than ${longest} characters`))
  return [...causes, ...labelCauses('metadata.labels', labels)]
}

/** What is wrong with labels: keys and values of at most 63 characters. */
export const labelCauses = (field: string, labels: unknown): readonly Cause[] =>
  Object.entries(isFields(labels) ? labels : {}).flatMap(([key, value]) => {
    const causes: Cause[] = []
    const label = key.split('/').pop() ?? ''
    if (label === '' || !VALUE.test(label) || label.length > 63 || key.split('/').length > 2) {
      causes.push(
        wrong(
          field,
          key,
          "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
        ),
      )
    }
    if (String(value).length > 63) causes.push(wrong(field, value, 'must be no more than 63 characters'))
    else if (!VALUE.test(String(value))) {
      causes.push(
        wrong(
          field,
          value,
          "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
        ),
      )
    }
    return causes
  })

/** How a name of this kind has to be, in the API server's words. */
export const labelRule = (kind: Kind): string =>
  kind.kind === 'Service'
    ? "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
    : "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"

const subdomainRule = (): string =>
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
