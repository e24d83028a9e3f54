import type { Described, SluiceFile } from '@sluice/delivery/file'
import { joined } from '@sluice/delivery/text'

/** A path that sluice.yml names: from the repository's root, and the keys that lead to it in the file. */
export type Named = { readonly path: string; readonly keys: readonly PropertyKey[]; readonly what: string }

/**
 * The files and folders that a service names, but for globs.
 * @param base the folder of sluice.yml
 */
export const namedBy = (file: SluiceFile, service: string, base: string): readonly Named[] => {
  const described = file.services[service]
  if (described === undefined) return []
  const folder = joined(base, described.folder)
  const at = (...keys: readonly PropertyKey[]): readonly PropertyKey[] => ['services', service, ...keys]
  return [
    { path: folder, keys: at('folder'), what: 'folder' },
    ...(typeof described.smoke === 'string'
      ? [{ path: joined(folder, described.smoke), keys: at('smoke'), what: 'smoke' }]
      : []),
    ...(described.package === undefined ? [] : imageNames(described.package, folder, at)),
    ...(described.scan === undefined ? [] : scanNames(described.scan, folder, at)),
    ...described.checks.map((check, index) => ({
      path: joined(folder, check.folder),
      keys: at('checks', index, 'folder'),
      what: `the folder of the check ${check.name}`,
    })),
    ...Object.entries(described.deploy).flatMap(([environment, { manifests = [] }]) =>
      [manifests].flat().map((each) => ({
        path: joined(folder, each),
        keys: at('deploy', environment, 'manifests'),
        what: `manifests of ${environment}`,
      })),
    ),
  ].filter(({ path }) => !/[*?[{]/.test(path))
}

type At = (...keys: readonly PropertyKey[]) => readonly PropertyKey[]

const imageNames = (
  { context, dockerfile }: NonNullable<Described['package']>,
  folder: string,
  at: At,
): readonly Named[] => {
  const root = joined(folder, context)
  return [
    ...(context === '.' ? [] : [{ path: root, keys: at('package', 'context'), what: 'the context of the image' }]),
    {
      path: dockerfile === undefined ? joined(root, 'Dockerfile') : joined(folder, dockerfile),
      keys: at('package', 'dockerfile'),
      what: 'the Dockerfile',
    },
  ]
}

const scanNames = (scan: NonNullable<Described['scan']>, folder: string, at: At): readonly Named[] => [
  ...(['report', 'ignore-file', 'kev'] as const).flatMap((key) => {
    const path = scan[key]
    return path === undefined || path === 'none'
      ? []
      : [{ path: joined(folder, path), keys: at('scan', key), what: `${key} of the scan` }]
  }),
  ...scan.vex.map((path, index) => ({
    path: joined(folder, path),
    keys: at('scan', 'vex', index),
    what: 'vex of the scan',
  })),
]
