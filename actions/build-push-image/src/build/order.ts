import { Fault } from '@sluice/kit/faults'
import { csvField } from './csv.ts'

/** What is built, and how. */
export type BuildOrder = {
  /** A folder, or what buildx fetches by itself, such as the URL of a Git repository. */
  readonly context: string
  /** Relative to the folder of the job, not to the context; `undefined`: `Dockerfile` of the context. */
  readonly dockerfile: string | undefined
  readonly target: string | undefined
  /** Empty: the builder's own. */
  readonly platforms: readonly string[]
  /** `NAME=value` */
  readonly buildArgs: readonly string[]
  readonly labels: Readonly<Record<string, string>>
  readonly secrets: readonly { readonly id: string; readonly value: string }[]
  readonly secretFiles: readonly { readonly id: string; readonly path: string }[]
  /** `default`, or `id=socket or key` */
  readonly ssh: readonly string[]
  readonly cache: { readonly from: readonly string[]; readonly to: readonly string[] }
  readonly provenance: 'max' | 'min' | 'none'
  readonly sbom: boolean
  readonly noCache: boolean
}

/** Where the result goes: nowhere but BuildKit's cache, to registries without a tag, or into Docker's own store. */
export type Output =
  | { readonly kind: 'none' }
  | { readonly kind: 'by-digest'; readonly names: readonly string[] }
  | { readonly kind: 'load' /** With their tags. */; readonly names: readonly string[] }

/** A call of docker: what stands after `docker`, and what its environment has beside. */
export type Call = { readonly args: readonly string[]; readonly env: Readonly<Record<string, string>> }

/** Linux gives a program no string that is longer, name and all. Source: https://man7.org/linux/man-pages/man2/execve.2.html */
const LONGEST_VARIABLE = 128 * 1024 - 64
const VARIABLE = 'SLUICE_BUILD_SECRET_'

/**
 * The call of `docker buildx build`. Only the first, without output, exports the cache and may do without it: those that push or load find all of it
 * done. They import it all the same, as BuildKit does not fetch a layer that is only known from a cache elsewhere, and without that cache builds it anew.
 * @param metadataFile where buildx writes what it made
 * @throws Fault('input') for secrets that cannot be given, and for a context that would be read from standard input
 */
export const argumentsOf = (order: BuildOrder, output: Output, metadataFile: string): Call => {
  checkSecrets(order)
  if (order.context === '' || order.context === '-')
    throw new Fault(
      'input',
      `Invalid input: context: ${order.context === '' ? 'is empty' : '- is standard input, which an action has none of'}`,
      'Give a folder, such as .',
    )
  const builds = output.kind === 'none'
  const args = [
    ...['buildx', 'build', '--progress', 'rawjson', '--metadata-file', metadataFile],
    ...given('--file', order.dockerfile),
    ...given('--target', order.target),
    ...given('--platform', order.platforms.length === 0 ? undefined : order.platforms.join(',')),
    ...each('--build-arg', order.buildArgs),
    ...each(
      '--label',
      Object.entries(order.labels).map(([name, value]) => `${name}=${value}`),
    ),
    ...each('--secret', secretsOf(order)),
    ...each('--ssh', order.ssh),
    ...(builds && order.noCache ? ['--no-cache'] : []),
    // What was built without the cache is newer than what lies in it.
    ...each('--cache-from', order.noCache ? [] : order.cache.from),
    ...each(
      '--cache-to',
      order.cache.to.filter((to) => isInline(to) !== builds),
    ),
    ...attestations(order, output),
    ...outputOf(output),
    '--',
    order.context,
  ]
  return {
    args,
    env: Object.fromEntries(order.secrets.map(({ value }, index) => [`${VARIABLE}${index}`, value])),
  }
}

const given = (flag: string, value: string | undefined): readonly string[] => (value === undefined ? [] : [flag, value])
const each = (flag: string, values: readonly string[]): readonly string[] => values.flatMap((value) => [flag, value])
const isInline = (cache: string): boolean => cache === 'type=inline' || cache.startsWith('type=inline,')

const secretsOf = ({ secrets, secretFiles }: BuildOrder): readonly string[] => [
  ...secrets.map(({ id }, index) => `id=${id},env=${VARIABLE}${index}`),
  ...secretFiles.map(({ id, path }) => `id=${id},${csvField(`src=${path}`)}`),
]

/** An image in Docker's own store has none; what scans for an SBOM runs with the build, so that the push only pushes. */
const attestations = ({ provenance, sbom }: BuildOrder, { kind }: Output): readonly string[] => [
  `--provenance=${kind !== 'by-digest' || provenance === 'none' ? 'false' : `mode=${provenance}`}`,
  `--sbom=${sbom && kind !== 'load'}`,
]

const outputOf = (output: Output): readonly string[] => {
  if (output.kind === 'none') return ['--output', 'type=cacheonly']
  if (output.kind === 'load') return [...each('--tag', output.names), '--load']
  const name = csvField(`name=${output.names.join(',')}`)
  return ['--output', `type=image,${name},push=true,push-by-digest=true,name-canonical=true`]
}

const checkSecrets = ({ secrets, secretFiles }: BuildOrder): void => {
  const refuse = (input: string, text: string, hint: string): never => {
    throw new Fault('input', `Invalid input: ${input}: ${text}`, hint)
  }
  const ids = new Set<string>()
  const see = (input: string, id: string): void => {
    if (!/^[^,"=\s]{1,200}$/.test(id))
      refuse(
        input,
        'has an id that is empty, or has a comma, a quote, an = or a space',
        'Use letters, digits, . _ and -',
      )
    if (ids.has(id)) refuse(input, `has the id ${id} twice`, 'Give each secret an id of its own')
    ids.add(id)
  }
  for (const { id, value } of secrets) {
    see('secrets', id)
    if (value === '')
      refuse('secrets', `${id} is empty`, 'Look whether the secret is set, and whether this job may read it')
    if (value.includes('\0'))
      refuse('secrets', `${id} has a zero byte`, 'Write it to a file, and name it in secret-files')
    if (Buffer.byteLength(value) > LONGEST_VARIABLE)
      refuse('secrets', `${id} is longer than 128 KiB`, 'Write it to a file, and name it in secret-files')
  }
  for (const { id, path } of secretFiles) {
    see('secret-files', id)
    if (path === '') refuse('secret-files', `${id} names no file`, 'Give id=path')
  }
}
