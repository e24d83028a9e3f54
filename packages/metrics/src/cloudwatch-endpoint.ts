import { Fault } from '@sluice/kit/faults'

/** Regions of a partition, and the domain of its endpoints. Source: the partitions that AWS's SDKs carry (botocore, data/partitions.json). */
const PARTITIONS: readonly (readonly [RegExp, string])[] = [
  [/^cn-\w+-\d+$/, 'amazonaws.com.cn'],
  [/^eusc-\w+-\w+-\d+$/, 'amazonaws.eu'],
  [/^us-iso-\w+-\d+$/, 'c2s.ic.gov'],
  [/^us-isob-\w+-\d+$/, 'sc2s.sgov.gov'],
  [/^eu-isoe-\w+-\d+$/, 'cloud.adc-e.uk'],
  [/^us-isof-\w+-\d+$/, 'csp.hci.ic.gov'],
  [/^us-gov-\w+-\d+$/, 'amazonaws.com'],
  [/^[a-z]{2}-[a-z]+-\d+$/, 'amazonaws.com'],
]

/** CloudWatch's endpoint in a region. @throws Fault('input') for what is no region */
export const endpointOf = (region: string): string => {
  const domain = PARTITIONS.find(([regions]) => regions.test(region))?.[1]
  if (domain === undefined)
    throw new Fault('input', `cloudwatch: "${region}" is no region`, 'Regions look like eu-central-1 or us-gov-west-1')
  return `https://monitoring.${region}.${domain}`
}
