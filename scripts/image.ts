import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { type Blob, blobOf, type Credentials, connectRegistry } from './image/registry.ts'
import { tar } from './image/tar.ts'

/** One file of an image: what is on this machine or the bytes themselves, its absolute path there, its permission bits (default 0644). */
export type ImageFile = { readonly from: string | Buffer; readonly to: string; readonly mode?: number }

/**
 * An image FROM scratch. Of two layers with a file at one path, the later one's counts. `user` is `uid:gid`, as there may be no
 * /etc/passwd; `ports` are those it listens on; `architecture` as Go names it, default this machine's.
 */
export type ImageSpec = {
  readonly layers: readonly (readonly ImageFile[])[]
  readonly entrypoint: readonly string[]
  readonly cmd?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly user?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly workingDir?: string
  readonly ports?: readonly number[]
  readonly architecture?: string
}

/** How to push: tags beside the digest, who pushes, a folder for what was compressed once, and where a line about each layer goes. */
export type PushOptions = {
  readonly tags?: readonly string[]
  readonly credentials?: Credentials
  readonly cache?: string
  readonly say?: (line: string) => void
}

/** What was pushed: the digest of the manifest or index, and the size of all that a pull fetches, bytes. */
export type Pushed = { readonly digest: string; readonly size: number }

/** One image of an index, by digest, and what it runs on. */
export type Platform = { readonly digest: string; readonly architecture: string }

/** An image as bytes: what is pushed, in the order it must be. */
export type Image = { readonly layers: readonly Blob[]; readonly config: Blob; readonly manifest: Blob }

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
const INDEX = 'application/vnd.oci.image.index.v1+json'

/**
 * Makes an image without a builder and pushes it by the registry's own API: blobs that are there already are not sent again.
 * @throws Error for a file that cannot be read, an address that is none, what the registry refuses, and a digest of its own that is not
 *   ours
 */
export const pushImage = async (
  registry: string,
  repository: string,
  spec: ImageSpec,
  options: PushOptions = {},
): Promise<Pushed> => {
  const to = connectRegistry(registry, repository, options.credentials)
  const image = await buildImage(spec, options.cache)
  for (const blob of [...image.layers, image.config]) {
    const fresh = await to.blob(blob)
    options.say?.(
      `${repository} ${blob.digest.slice(7, 19)} ${megabytes(blob.bytes.length)} ${fresh ? 'sent' : 'is there'}`,
    )
  }
  await to.manifest(image.manifest, MANIFEST, options.tags ?? [])
  const all = [...image.layers, image.config, image.manifest]
  return { digest: image.manifest.digest, size: all.reduce((total, { bytes }) => total + bytes.length, 0) }
}

/**
 * One name for images of several architectures that are in the repository already.
 * @throws as `pushImage`
 */
export const pushIndex = async (
  registry: string,
  repository: string,
  platforms: readonly Platform[],
  options: PushOptions = {},
): Promise<Pushed> => {
  const to = connectRegistry(registry, repository, options.credentials)
  const manifests = await Promise.all(
    [...platforms]
      .sort((a, b) => (a.architecture < b.architecture ? -1 : 1))
      .map(async ({ digest, architecture }) => ({
        ...described(MANIFEST, await to.read(digest)),
        platform: { architecture, os: 'linux' },
      })),
  )
  const index = json({ schemaVersion: 2, mediaType: INDEX, manifests })
  await to.manifest(index, INDEX, options.tags ?? [])
  return { digest: index.digest, size: index.bytes.length }
}

/**
 * The bytes of an image: the same spec gives the same digest, whenever and wherever it is built by the Node of the lockfile (deflate may
 * be done in more than one way, and each Node brings its own zlib).
 * Source: OCI image spec 1.1.
 * @param cache a folder for compressed layers by the hash of what they hold; compressing Node takes seconds
 * @throws Error for a file that cannot be read, and for paths that no archive can hold
 */
export const buildImage = async (spec: ImageSpec, cache?: string): Promise<Image> => {
  const architecture = spec.architecture ?? ARCHITECTURES[process.arch] ?? process.arch
  const layers = await Promise.all(spec.layers.map((files) => layerOf(files, cache)))
  const config = json({
    architecture,
    os: 'linux',
    config: {
      Entrypoint: spec.entrypoint,
      ...(spec.cmd === undefined ? {} : { Cmd: spec.cmd }),
      ...(spec.env === undefined ? {} : { Env: sorted(spec.env).map(([name, value]) => `${name}=${value}`) }),
      ...(spec.user === undefined ? {} : { User: spec.user }),
      ...(spec.labels === undefined ? {} : { Labels: Object.fromEntries(sorted(spec.labels)) }),
      ...(spec.workingDir === undefined ? {} : { WorkingDir: spec.workingDir }),
      ...(spec.ports === undefined
        ? {}
        : {
            ExposedPorts: Object.fromEntries([...spec.ports].sort((a, b) => a - b).map((port) => [`${port}/tcp`, {}])),
          }),
    },
    rootfs: { type: 'layers', diff_ids: layers.map(({ content }) => content) },
  })
  const manifest = json({
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: described('application/vnd.oci.image.config.v1+json', config),
    layers: layers.map(({ blob }) => described('application/vnd.oci.image.layer.v1.tar+gzip', blob)),
  })
  return { layers: layers.map(({ blob }) => blob), config, manifest }
}

/**
 * What the Node that runs this needs in an empty image: itself at /usr/local/bin/node, the loader and libraries it is linked against at
 * the paths it looks for them, and names for root and nobody. An image of these has no shell and no package manager.
 * @throws Error where there is no `ldd` that can tell (musl and macOS among them)
 */
export const nodeFiles = (): readonly ImageFile[] => [
  { from: process.execPath, to: '/usr/local/bin/node', mode: 0o755 },
  ...linked(process.execPath).map((path) => ({ from: path, to: path, mode: 0o755 })),
  {
    from: Buffer.from('root:x:0:0:root:/:/sbin/nologin\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n'),
    to: '/etc/passwd',
  },
  { from: Buffer.from('root:x:0:\nnogroup:x:65534:\n'), to: '/etc/group' },
  // Without it glibc asks DNS before /etc/hosts.
  { from: Buffer.from('passwd: files\ngroup: files\nhosts: files dns\n'), to: '/etc/nsswitch.conf' },
]

/** A program that needs nothing but itself, at `/` and its own name. */
export const staticFiles = (path: string): readonly ImageFile[] => [
  { from: path, to: `/${path.split('/').at(-1) ?? path}`, mode: 0o755 },
]

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64', arm: 'arm', ia32: '386' }

/** The libraries `ldd` names, at the paths they are found by, and the loader. */
const linked = (program: string): readonly string[] => {
  let text: string
  try {
    text = execFileSync('ldd', [program], { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } })
  } catch (error) {
    throw new Error(`ldd cannot tell what ${program} is linked against. Build the image on Linux with glibc`, {
      cause: error,
    })
  }
  const missing = /^\s*(\S+) => not found/m.exec(text)?.[1]
  if (missing !== undefined) throw new Error(`${program} needs ${missing}, which is not here. Install it`)
  return [...text.matchAll(/(?:=>\s+|^\s*)(\/\S+) \(0x/gm)].map(([, path = '']) => path)
}

const pack = promisify(gzip)

const layerOf = async (files: readonly ImageFile[], cache?: string): Promise<{ blob: Blob; content: string }> => {
  const archive = blobOf(tar(files.map(({ from, to, mode = 0o644 }) => ({ path: to, mode, bytes: read(from, to) }))))
  const place =
    cache === undefined
      ? undefined
      : join(cache, `${archive.digest.slice('sha256:'.length)}-${process.versions.zlib}.tar.gz`)
  if (place !== undefined && existsSync(place)) return { blob: blobOf(readFileSync(place)), content: archive.digest }
  const bytes = Buffer.from(await pack(archive.bytes, { level: 6 }))
  // The header's last byte names the system that compressed; 255 is "unknown" (RFC 1952).
  bytes[9] = 255
  if (place !== undefined && cache !== undefined) {
    mkdirSync(cache, { recursive: true })
    // Whole or not at all, as whoever builds beside this may read it.
    writeFileSync(`${place}.${process.pid}`, bytes)
    renameSync(`${place}.${process.pid}`, place)
  }
  return { blob: blobOf(bytes), content: archive.digest }
}

const read = (from: string | Buffer, to: string): Buffer => {
  if (typeof from !== 'string') return from
  try {
    return readFileSync(from)
  } catch (error) {
    throw new Error(`${from}, which is to lie at ${to} in the image, cannot be read. Is it there, and a file?`, {
      cause: error,
    })
  }
}

const json = (value: unknown): Blob => blobOf(Buffer.from(JSON.stringify(value)))

const described = (
  mediaType: string,
  { digest, bytes }: Blob,
): { mediaType: string; digest: string; size: number } => ({
  mediaType,
  digest,
  size: bytes.length,
})

const sorted = (map: Readonly<Record<string, string>>): readonly (readonly [string, string])[] =>
  Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1))

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`
