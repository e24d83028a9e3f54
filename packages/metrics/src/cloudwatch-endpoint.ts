import { partitionOf } from '@sluice/http/aws/partition'
import { Fault } from '@sluice/kit/faults'

/** CloudWatch's endpoint in a region. @throws Fault('input') for what is no region */
export const endpointOf = (region: string): string => {
  const partition = partitionOf(region)
  if (partition === undefined)
    throw new Fault('input', `cloudwatch: "${region}" is no region`, 'Regions look like eu-central-1 or us-gov-west-1')
  return `https://monitoring.${region}.${partition.domain}`
}
