import * as z from 'zod/mini'
import {
  ECR_HOST,
  imageRepository,
  line,
  lineScalar,
  PLATFORM,
  PRIVATE_ECR_HOST,
  pathFromFolder,
  roleArn,
  runnerLabels,
  whole,
} from './text.ts'

/** Where an image of a platform is built when sluice.yml does not say it. Source: https://github.com/actions/runner-images */
export const BUILDERS: Readonly<Record<string, string>> = {
  'linux/amd64': 'ubuntu-latest',
  'linux/arm64': 'ubuntu-24.04-arm',
}

const platform = z.string().check(z.regex(PLATFORM, { error: 'must be a platform, such as linux/amd64' }))
const flag = z.boolean({ error: 'must be true or false' })

/** How a service's image is built and pushed: the inputs of the action build-push-image, and what package.yml does around it. */
export const packaging = z.strictObject({
  context: z._default(pathFromFolder, '.'),
  dockerfile: z.optional(pathFromFolder),
  target: z.optional(line),
  platforms: z._default(
    z.union(
      [
        z.array(platform).check(z.minLength(1, { error: 'is empty: name at least one platform' })),
        z
          .record(z.string(), runnerLabels)
          .check(z.refine((map) => Object.keys(map).length > 0, { error: 'is empty: name at least one platform' })),
      ],
      { error: 'must be a list of platforms, or a map from platforms to the labels of their runners' },
    ),
    ['linux/amd64'],
  ),
  images: z._default(z.array(imageRepository), []),
  tags: z._default(z.array(line), []),
  flavor: z._default(z.array(line), []),
  labels: z._default(z.record(z.string(), lineScalar), {}),
  'build-args': z._default(z.record(z.string(), lineScalar), {}),
  cache: z._default(z.enum(['registry', 'gha', 'none']), 'none'),
  provenance: z._default(z.enum(['min', 'max', 'none']), 'min'),
  sbom: z._default(flag, false),
  attest: z._default(flag, false),
  verify: z._default(flag, false),
  buildkit: z.optional(
    line.check(
      z.regex(/^[a-z0-9][a-z0-9._:/-]*@sha256:[0-9a-f]{64}$/, {
        error: 'must be an image of BuildKit by digest, such as moby/buildkit:v0.25.1@sha256:…',
      }),
    ),
  ),
  attempts: z._default(whole(1, 10), 5),
  'ensure-repository': z._default(
    z.union(
      [
        z.boolean(),
        z.strictObject({
          immutable: z.optional(flag),
          'scan-on-push': z.optional(flag),
          lifecycle: z.optional(pathFromFolder),
          'kms-key': z.optional(line),
        }),
      ],
      { error: 'must be true, false, or a map with immutable, scan-on-push, lifecycle and kms-key' },
    ),
    false,
  ),
  'aws-role-registries': z._default(z.record(z.string(), roleArn), {}),
})
/** `package` of a service. */
export type Packaging = z.output<typeof packaging>

/** The registry that a repository is at; Docker Hub where its name begins with no host. */
export const hostOf = (image: string): string => {
  const first = image.split('/')[0] ?? ''
  return image.includes('/') && (/[.:]/.test(first) || first === 'localhost') ? first : 'docker.io'
}

/** GitHub's own registry, where the token of a run is enough. */
export const GHCR = 'ghcr.io'

/** The registries of these repositories that ask for a user name and a password: neither GitHub's own nor Amazon's. */
export const otherRegistries = (images: readonly string[]): readonly string[] =>
  [...new Set(images.map(hostOf))].filter((host) => host !== GHCR && !ECR_HOST.test(host))

/** Whether a repository is at a registry of Amazon's, into which no user name leads for long. */
export const isEcr = (image: unknown): boolean => typeof image === 'string' && ECR_HOST.test(hostOf(image))

/** Whether it is at one of them that only a cloud's token may read. */
export const isPrivateEcr = (image: unknown): boolean =>
  typeof image === 'string' && PRIVATE_ECR_HOST.test(hostOf(image))
