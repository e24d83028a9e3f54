/** A part of AWS with accounts of its own. `domain`: of its services' names; `dualStack`: of those that also have IPv6 addresses, after `api.` or `on.`. */
export type Partition = { readonly name: string; readonly domain: string; readonly dualStack: string }

/** Regions of a partition, its name and domains. Source: the partitions that AWS's SDKs carry (botocore, data/partitions.json). */
const PARTITIONS: readonly (readonly [RegExp, string, string, string])[] = [
  [/^cn-\w+-\d+$/, 'aws-cn', 'amazonaws.com.cn', 'amazonwebservices.com.cn'],
  [/^eusc-\w+-\w+-\d+$/, 'aws-eusc', 'amazonaws.eu', 'amazonwebservices.eu'],
  [/^us-iso-\w+-\d+$/, 'aws-iso', 'c2s.ic.gov', 'aws.ic.gov'],
  [/^us-isob-\w+-\d+$/, 'aws-iso-b', 'sc2s.sgov.gov', 'aws.scloud'],
  [/^eu-isoe-\w+-\d+$/, 'aws-iso-e', 'cloud.adc-e.uk', 'cloud-aws.adc-e.uk'],
  [/^us-isof-\w+-\d+$/, 'aws-iso-f', 'csp.hci.ic.gov', 'aws.hci.ic.gov'],
  [/^us-gov-\w+-\d+$/, 'aws-us-gov', 'amazonaws.com', 'aws'],
  [/^[a-z]{2}-[a-z]+-\d+$/, 'aws', 'amazonaws.com', 'aws'],
]

/** The partition that a region is of; `undefined` for what is no region. */
export const partitionOf = (region: string): Partition | undefined => {
  const found = PARTITIONS.find(([regions]) => regions.test(region))
  return found && { name: found[1], domain: found[2], dualStack: found[3] }
}
