import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { Agent, get } from 'node:https'
import { dirname } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, Fault } from '@sluice/kit/faults'
import type { Release } from '../scanner.ts'

/** An archive is about 50 MB, what is in it three times that. */
const LARGEST = 512 * 1024 * 1024
const HOPS = 5
const BLOCK = 512

/** What bounds a download. */
export type Bounds = { readonly timeoutMs: number; readonly cancelled: AbortSignal; readonly env: NodeJS.ProcessEnv }

/**
 * Fetches a release, looks whether it is the file that the table names, byte by byte, and only then unpacks the program to `to`.
 * @throws Fault('upstream') where it cannot be had, is another file, or has no program `trivy` in it
 */
export const install = async ({ url, sha256 }: Release, to: string, bounds: Bounds): Promise<void> => {
  const archive = await download(url, bounds).catch((thrown: unknown) => {
    throw new Fault(
      'upstream',
      `${url} could not be fetched: ${describe(thrown)}`,
      'Run the job again, or put trivy on PATH',
    )
  })
  const program = verified({ url, sha256 }, archive)
  mkdirSync(dirname(to), { recursive: true })
  // Whole or not there: another job may look for it at the same moment.
  const partial = `${to}.${process.pid}`
  writeFileSync(partial, program)
  chmodSync(partial, 0o755)
  renameSync(partial, to)
}

/**
 * The program in an archive that is, byte by byte, the one that the table names.
 * @throws Fault('upstream') for another one, and for one without a program `trivy`
 */
export const verified = ({ url, sha256 }: Release, archive: Buffer): Buffer => {
  const is = createHash('sha256').update(archive).digest('hex')
  if (is !== sha256) {
    const hint = 'Do not use it: either the file was changed after the entry was made, or the entry is wrong'
    throw new Fault('upstream', `${url} has the SHA-256 ${is}, and releases.json says ${sha256}`, hint)
  }
  const program = programIn(archive)
  if (program === undefined)
    throw new Fault('upstream', `${url} has no file trivy in it`, 'Name a .tar.gz of a release in releases.json')
  return program
}

const download = async (url: string, bounds: Bounds, hops = HOPS): Promise<Buffer> => {
  const { env, timeoutMs, cancelled } = bounds
  const agent = new Agent({ proxyEnv: { ...env } })
  const signal = AbortSignal.any([cancelled, AbortSignal.timeout(Math.max(1, timeoutMs))])
  const answer = await new Promise<{ readonly to?: string; readonly body: Buffer }>((resolve, reject) => {
    get(url, { agent, signal, headers: { 'user-agent': 'sluice' } }, (incoming) => {
      const { statusCode = 0, headers } = incoming
      const chunks: Buffer[] = []
      let size = 0
      incoming.on('data', (chunk: Buffer) => {
        size += chunk.length
        chunks.push(chunk)
        if (size > LARGEST) incoming.destroy(new Error('it is larger than any release'))
      })
      incoming.on('error', reject)
      incoming.on('end', () => {
        if (statusCode >= 300 && statusCode < 400 && headers.location !== undefined)
          resolve({ to: new URL(headers.location, url).href, body: Buffer.alloc(0) })
        else if (statusCode === 200) resolve({ body: Buffer.concat(chunks) })
        else reject(new Error(`the answer was ${statusCode}`))
      })
    }).on('error', reject)
  })
  if (answer.to === undefined) return answer.body
  if (hops === 0) throw new Error('it leads from one address to the next')
  if (!answer.to.startsWith('https://')) throw new Error('it leads to an address without https')
  return download(answer.to, bounds, hops - 1)
}

/**
 * The file `trivy` of a .tar.gz; `undefined` where there is none. Names longer than a header holds are no concern of ours.
 * Source: https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html#tag_20_94_13_06
 */
const programIn = (archive: Buffer): Buffer | undefined => {
  const tar = unpacked(archive)
  if (tar === undefined) return undefined
  for (let at = 0; at + BLOCK <= tar.length; ) {
    const name = text(tar, at, 100)
    if (name === '') return undefined
    const size = Number.parseInt(text(tar, at + 124, 12), 8)
    if (!Number.isSafeInteger(size) || size < 0 || at + BLOCK + size > tar.length) return undefined
    const type = text(tar, at + 156, 1)
    if (/^(\.\/)?trivy$/.test(name) && (type === '' || type === '0')) return tar.subarray(at + BLOCK, at + BLOCK + size)
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK
  }
  return undefined
}

const unpacked = (archive: Buffer): Buffer | undefined => {
  try {
    return gunzipSync(archive, { maxOutputLength: LARGEST })
  } catch {
    return undefined
  }
}

const text = (tar: Buffer, from: number, length: number): string =>
  tar
    .toString('latin1', from, from + length)
    .replace(/\0[\s\S]*$/, '')
    .trim()
