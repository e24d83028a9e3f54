import { type Fields, type Found, fields, list } from './found.ts'
import { BUILDERS, isEcr, isPrivateEcr, otherRegistries } from './package.ts'
import { plainPlatform } from './platform.ts'
import { nameProblem } from './text.ts'

/** What a service says of its image that does not fit together: how it is built, and what is asked of it before it is deployed. */
export const imageProblems = (service: string, one: Fields): readonly Found[] => [
  ...(one.package === undefined ? [] : packageProblems(one, ['services', service, 'package'])),
  ...(one.scan === undefined ? [] : scanProblems(one, ['services', service, 'scan'])),
  ...codeqlProblems(fields(fields(one.sast).codeql), ['services', service, 'sast', 'codeql', 'build-mode']),
]

type Path = readonly PropertyKey[]

const packageProblems = ({ image, package: given }: Fields, path: Path): readonly Found[] => {
  const one = fields(given)
  const images = [image, ...list(one.images)]
  return [
    ...platformProblems(one.platforms, [...path, 'platforms']),
    ...list(one.images).flatMap((each, index) =>
      typeof each === 'string' && images.indexOf(each) <= index
        ? [{ path: [...path, 'images', index], text: `is a repository that is pushed to already: ${each}` }]
        : [],
    ),
    ...otherRegistries(images.filter((each) => typeof each === 'string'))
      .slice(1)
      .map((host) => ({
        path: [...path, 'images'],
        text: `are at one registry too many, ${host}: beside ghcr.io and ECR there is one user name, for one registry`,
      })),
    ...badNames('variable', one['build-args'], [...path, 'build-args']),
    ...badNames('label', one.labels, [...path, 'labels']),
    ...badNames('revision', one.labels, [...path, 'labels']),
    ...badNames('registry', one['aws-role-registries'], [...path, 'aws-role-registries']),
    ...(one.verify === true && one.attest !== true
      ? [{ path: [...path, 'verify'], text: 'asks for an attestation that nobody makes: say attest: true as well' }]
      : []),
    ...(one.verify === true && isPrivateEcr(image) ? [{ path: [...path, 'verify'], text: unreachable(image) }] : []),
    ...(one['ensure-repository'] !== undefined && one['ensure-repository'] !== false && !images.some(isEcr)
      ? [{ path: [...path, 'ensure-repository'], text: 'is for repositories at ECR, and the image is pushed to none' }]
      : []),
  ]
}

const platformProblems = (given: unknown, path: Path): readonly Found[] => [
  ...list(given).flatMap((platform, index): readonly Found[] => {
    if (typeof platform !== 'string' || nameProblem('platform', platform) !== undefined) return []
    if (named(list(given), index)) return [{ path: [...path, index], text: `is named twice: ${platform}` }]
    return Object.hasOwn(BUILDERS, platform)
      ? []
      : [{ path: [...path, index], text: `has no runner of GitHub's: write { ${platform}: [self-hosted, …] }` }]
  }),
  ...Object.keys(fields(given)).flatMap((platform, index, all) =>
    named(all, index) ? [{ path: [...path, platform], text: `is named twice: it is ${plainPlatform(platform)}` }] : [],
  ),
  ...badNames('platform', given, path),
]

/** Whether a platform is there before, maybe by another of its names. */
const named = (all: readonly unknown[], index: number): boolean =>
  all.slice(0, index).some((one) => plainPlatform(String(one)) === plainPlatform(String(all[index])))

const scanProblems = ({ image, scan }: Fields, path: Path): readonly Found[] => {
  const one = fields(scan)
  const off = (key: string): boolean => one[key] === false
  const reported = one.report !== undefined
  return [
    ...(off('source') && off('dependencies') && off('image')
      ? [{ path, text: 'looks at nothing: leave it out, or leave one of source, dependencies and image on' }]
      : []),
    ...(reported && off('image')
      ? [{ path: [...path, 'report'], text: "stands for the image's scan, which image: false turns off" }]
      : []),
    ...(reported && one.scanners !== undefined
      ? [{ path: [...path, 'scanners'], text: 'has no use beside report: everything in a report counts' }]
      : []),
    ...(!off('image') && !reported && isPrivateEcr(image)
      ? [{ path: [...path, ...(one.image === undefined ? [] : ['image'])], text: unreachable(image) }]
      : []),
  ]
}

/** The jobs that scan and verify hold no credential of a cloud. */
const unreachable = (image: unknown): string =>
  `cannot reach ${String(image)}: the jobs that scan have no token for a cloud, and ECR takes nothing else; say image: false, and let ECR scan each push (ensure-repository), or have no verify`

const codeqlProblems = (codeql: Fields, path: Path): readonly Found[] =>
  codeql['build-mode'] === 'none' && list(codeql.languages).includes('go')
    ? [{ path, text: 'must be autobuild for go, which CodeQL reads only while it is built' }]
    : []

/** Names that are keys are looked at here: a schema that refuses a key says nothing more of what is under it. */
const badNames = (what: Parameters<typeof nameProblem>[0], map: unknown, path: Path): readonly Found[] =>
  Object.keys(fields(map)).flatMap((name) => {
    const text = name === '__proto__' ? undefined : nameProblem(what, name)
    return text === undefined ? [] : [{ path: [...path, name], text }]
  })
