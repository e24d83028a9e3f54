import { partitionOf } from '@sluice/http/aws/partition'

/**
 * A registry of Amazon ECR. `account`: twelve digits; `partition`: aws, aws-cn, aws-us-gov, aws-eusc, aws-iso and the like; `dualStack`: a name that
 * also has IPv6 addresses; `fips`: an endpoint with validated cryptography.
 */
export type EcrHost =
  | {
      readonly kind: 'private'
      readonly account: string
      readonly region: string
      readonly partition: string
      readonly dualStack: boolean
      readonly fips: boolean
    }
  | { readonly kind: 'public'; readonly dualStack: boolean }

/** Public ECR has one API, in this region. Source: https://docs.aws.amazon.com/general/latest/gr/ecr-public.html */
export const PUBLIC_REGION = 'us-east-1'

/**
 * The registry of ECR that a host names, without a port; `undefined` for any other, also for one that only begins or ends like it, or whose domain is
 * not that of its region.
 * Source: https://docs.aws.amazon.com/general/latest/gr/ecr.html and https://docs.aws.amazon.com/AmazonECR/latest/public/public-ecr-requests.html
 */
export const parseEcrHost = (host: string): EcrHost | undefined => {
  const name = host.toLowerCase()
  if (name === 'public.ecr.aws') return { kind: 'public', dualStack: false }
  if (name === 'ecr-public.aws.com') return { kind: 'public', dualStack: true }
  const match = /^(\d{12})\.dkr([.-])ecr(-fips)?\.([a-z0-9-]+)\.([a-z0-9.-]+)$/.exec(name)
  if (match === null) return undefined
  const [, account = '', separator, fips, region = '', domain] = match
  const partition = partitionOf(region)
  const dualStack = separator === '-'
  if (partition === undefined || domain !== (dualStack ? `on.${partition.dualStack}` : partition.domain))
    return undefined
  return { kind: 'private', account, region, partition: partition.name, dualStack, fips: fips !== undefined }
}

/** The region whose API knows a registry. */
export const regionOf = (host: EcrHost): string => (host.kind === 'public' ? PUBLIC_REGION : host.region)
