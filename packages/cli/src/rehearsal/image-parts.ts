import type { Document } from 'yaml'

/** How an image is built on this machine: for its own platform, with what is set for a release. */
export type BuiltHere = {
  /** Such as `linux/amd64`. */
  readonly platform: string
  /** A Dockerfile in place of the service's own, relative to its folder, and the arguments it is built with. */
  readonly instead?: { readonly dockerfile: string; readonly args: Readonly<Record<string, string>> }
}

/** What of the image is known here. */
type Here = { readonly report?: string; readonly build?: BuiltHere }

type Service = readonly [string, string]

/** A stored report of Trivy's, made out for an image, `name@sha256:…`: the gate takes a report of no other. What is no report stays as it is. */
export const madeOutFor = (image: string, report: string): string => {
  let read: unknown
  try {
    read = JSON.parse(report)
  } catch {
    return report
  }
  if (!isMap(read)) return report
  return `${JSON.stringify({ ...read, Metadata: { ...(isMap(read.Metadata) ? read.Metadata : {}), RepoDigests: [image] } }, undefined, 2)}\n`
}

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * Takes out of sluice.yml what is said of an image and cannot be done on a machine that reaches nothing: scanners, whose databases come from the network, other
 * registries, attestations, which GitHub keeps. What stands for it, or that it is left out, is said, a sentence each.
 */
export const imageParts = (document: Document, service: Service, { report, build }: Here): readonly string[] => [
  ...scanParts(document, service, { report, builds: build !== undefined }),
  ...leftOut(document, service),
  ...(build === undefined ? [] : buildParts(document, service, build)),
]

const scanParts = (
  document: Document,
  service: Service,
  { report: stored, builds }: { readonly report: string | undefined; readonly builds: boolean },
): readonly string[] => {
  const scan = [...service, 'scan']
  if (!document.hasIn(scan)) return []
  const named = document.getIn([...scan, 'report'])
  const report = named ?? stored
  if (builds || report === undefined || document.getIn([...scan, 'image']) === false) {
    document.deleteIn(scan)
    const without = builds
      ? 'no stored report can name an image that the run itself builds'
      : 'sluice.yml names no stored report (scan.report) that could stand for the image'
    return [
      `Nothing is scanned here: there is no scanner that reaches its database, and ${without}. In life the scan stops what it finds.`,
    ]
  }
  const off = ['source', 'dependencies'].filter((key) => document.getIn([...scan, key]) !== false)
  for (const key of off) document.setIn([...scan, key], false)
  if (named === undefined) {
    document.setIn([...scan, 'report'], report)
    // Everything in a report counts, so the two exclude each other.
    document.deleteIn([...scan, 'scanners'])
  }
  const rest = off.length === 0 ? '' : ` Not scanned here, for that needs Trivy and its database: ${off.join(', ')}.`
  return [
    `The gate decides on a stored report of Trivy's, ${String(report)}, in place of a scan of the image: each release has a copy that is made out for its digest, so what is shown is the gate and no scan.${rest}`,
  ]
}

/** What is nobody's but GitHub's, or another network's. */
const leftOut = (document: Document, service: Service): readonly string[] => {
  const wanted = [['sast'], ['package', 'verify']] as const
  const taken = wanted.filter((keys) => document.hasIn([...service, ...keys]))
  for (const keys of taken) document.deleteIn([...service, ...keys])
  return taken.length === 0
    ? []
    : [`Left out of sluice.yml here, as it needs GitHub: ${taken.map((keys) => keys.join('.')).join(', ')}.`]
}

const buildParts = (document: Document, service: Service, { platform, instead }: BuiltHere): readonly string[] => {
  const packaging = [...service, 'package']
  if (!document.hasIn(packaging)) document.setIn(packaging, document.createNode({}))
  const others = ['images', 'aws-role-registries', 'ensure-repository'].filter((key) =>
    document.hasIn([...packaging, key]),
  )
  for (const key of others) document.deleteIn([...packaging, key])
  document.setIn([...packaging, 'platforms'], document.createNode({ [platform]: 'ubuntu-latest' }))
  if (instead !== undefined) {
    for (const key of ['context', 'target']) document.deleteIn([...packaging, key])
    document.setIn([...packaging, 'dockerfile'], instead.dockerfile)
    document.setIn([...packaging, 'build-args'], document.createNode(instead.args))
  }
  return [
    `The image is built for ${platform} alone${instead === undefined ? '' : `, from ${instead.dockerfile}`}.`,
    ...(others.length === 0
      ? []
      : [`Nothing is pushed anywhere else: ${others.map((key) => `package.${key}`).join(', ')} left out.`]),
  ]
}
