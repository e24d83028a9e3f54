import { mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { actionAt, type Ran, type RunOptions } from '../action.ts'
import type { Ground } from './ground.ts'
import type { RealRegistry, Stored } from './registry.ts'

/** What a job is of: a commit by its first digit, and a branch or a tag. */
export type Commit = { readonly sha: string; readonly ref?: string; readonly pull?: number }

const action = actionAt(join(import.meta.dirname, '../../actions/build-push-image'))

/** Forty times the same digit: commits of tests are told apart at a glance. */
export const shaOf = (digit: string): string => digit.repeat(40)

/** Runs build-push-image on the ground as a job of a commit; `inputs.context` is its working folder as well. */
export const build = (
  ground: Ground,
  commit: Commit,
  inputs: Readonly<Record<string, string>>,
  options: RunOptions = {},
): Promise<Ran> => {
  const { sha, ref = 'refs/heads/main', pull } = commit
  const payload = join(mkdtempSync(join(ground.folder, 'event-')), 'event.json')
  const repository = {
    name: 'shop',
    full_name: 'acme/shop',
    html_url: 'https://github.test/acme/shop',
    default_branch: 'main',
  }
  const head = { number: pull, head: { sha, ref: 'topic' }, base: { ref: 'main' } }
  writeFileSync(payload, JSON.stringify({ repository, ...(pull === undefined ? {} : { pull_request: head }) }))
  return action(inputs, {
    ...options,
    ...(inputs.context === undefined ? {} : { cwd: inputs.context }),
    env: {
      ...ground.env,
      GITHUB_EVENT_NAME: pull === undefined ? 'push' : 'pull_request',
      GITHUB_EVENT_PATH: payload,
      GITHUB_REF: pull === undefined ? ref : `refs/pull/${pull}/merge`,
      GITHUB_SHA: pull === undefined ? sha : shaOf('f'),
      GITHUB_REPOSITORY: 'acme/shop',
      GITHUB_SERVER_URL: 'https://github.test',
      ...options.env,
    },
  })
}

/** @throws Error with all that a run said when it failed: an assertion would show the first lines only */
export const succeeded = (ran: Ran): void => {
  if (ran.code !== 0) throw new Error(`it ended with ${ran.code}\n${ran.log}`)
}

/** What people can read of a run; the runner takes lines that tell it what to mask for itself. */
export const readable = ({ log, summary, report, outputs }: Ran): string =>
  [log.replace(/^::add-mask::.*$/gm, ''), summary, JSON.stringify(report), JSON.stringify(outputs)].join('\n')

type Descriptor = {
  readonly digest: string
  readonly platform?: { readonly os: string; readonly architecture: string }
}

/** The manifests of an image that hold layers, those of attestations among them. */
export const manifestsOf = async (
  registry: RealRegistry,
  repository: string,
  reference: string,
): Promise<readonly (Stored & { readonly platform: string })[]> => {
  const top = await registry.stored(repository, reference)
  if (top === undefined) throw new Error(`${repository} has no ${reference}`)
  const inner: readonly Descriptor[] | undefined = top.manifest.manifests
  if (inner === undefined) return [{ ...top, platform: '' }]
  return Promise.all(
    inner.map(async ({ digest, platform }) => {
      const stored = await registry.stored(repository, digest)
      if (stored === undefined) throw new Error(`${repository} has no ${digest}`)
      return { ...stored, platform: `${platform?.os}/${platform?.architecture}` }
    }),
  )
}

/** Every byte of an image: manifests, configuration, layers unpacked. */
export const everythingIn = async (registry: RealRegistry, repository: string, reference: string): Promise<string> => {
  const parts: string[] = []
  for (const { body, manifest } of await manifestsOf(registry, repository, reference)) {
    parts.push(body)
    for (const { digest } of [manifest.config, ...manifest.layers]) {
      const bytes = await registry.blob(repository, digest)
      parts.push((bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes).toString('latin1'))
    }
  }
  return parts.join('\n')
}

/** The text of a small file in the last layer that has it, by its name without the first slash. Layers are tar archives. */
export const fileIn = async (
  registry: RealRegistry,
  { repository, reference, platform }: { repository: string; reference: string; platform?: string },
  name: string,
): Promise<string | undefined> => {
  const all = await manifestsOf(registry, repository, reference)
  const image = all.find((one) =>
    platform === undefined ? one.platform !== 'unknown/unknown' : one.platform === platform,
  )
  for (const { digest } of [...(image?.manifest.layers ?? [])].reverse()) {
    const found = fileInTar(gunzipSync(await registry.blob(repository, digest)), name)
    if (found !== undefined) return found
  }
  return undefined
}

const BLOCK = 512

const fileInTar = (tar: Buffer, name: string): string | undefined => {
  for (let at = 0; at + BLOCK <= tar.length; ) {
    const called = tar.toString('utf8', at, at + 100).replace(/\0.*$/s, '')
    const size = Number.parseInt(tar.toString('utf8', at + 124, at + 136), 8) || 0
    if (called === name) return tar.toString('utf8', at + BLOCK, at + BLOCK + size)
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK
  }
  return undefined
}
