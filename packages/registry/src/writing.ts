import { Fault } from '@sluice/kit/faults'
import { type Digest, digestOf, isDigest } from './documents.ts'
import { mismatch, named, pathOf } from './reading.ts'
import { isImmutable, saidIn } from './refusal.ts'
import { type Repository, shownRepository } from './repository.ts'
import type { Ask, Transport } from './transport.ts'

/** `immutable`: the tag is on another manifest, and the registry, in its own words, does not let it be moved. */
export type Put =
  | { readonly kind: 'written'; readonly digest: Digest }
  | { readonly kind: 'immutable'; readonly text: string }

type Find = (reference: string) => Promise<Digest | undefined>
type Writing = { readonly transport: Transport; readonly repository: Repository; readonly find: Find }

/** Writes the very bytes. What was refused is looked for: an earlier try of ours, or another job, may have done it. */
export const putIn = async (
  reference: string,
  { text, mediaType }: { readonly text: string; readonly mediaType: string },
  { transport, repository, find }: Writing,
): Promise<Put> => {
  const digest = digestOf(text)
  const url = pathOf(reference)
  if (isDigest(reference) && reference !== digest)
    throw new Fault('input', `A manifest of ${digest} cannot be written as ${reference}`)
  const headers = { 'content-type': mediaType }
  const what = `write ${named(repository, reference)}`
  const ask: Ask = { url, what, access: 'push', method: 'PUT', headers, body: text }
  const reply = await transport.ask(ask)
  if (reply.status >= 200 && reply.status < 300) {
    const said = reply.headers['docker-content-digest']
    const written = isDigest(said) ? said : await find(reference)
    if (written === digest) return { kind: 'written', digest }
    throw mismatch(repository, reference, written ?? 'nothing', digest)
  }
  if ([400, 403, 405, 409, 412].includes(reply.status) && (await found(find, reference)) === digest)
    return { kind: 'written', digest }
  const said = saidIn(reply)
  if (isDigest(reference) || !isImmutable(reply.status, said)) throw transport.refusal(reply, ask)
  return { kind: 'immutable', text: transport.scrubbed(said.text) }
}

/** A look that says nothing more than the refusal before it where it is refused as well. */
const found = async (find: Find, reference: string): Promise<Digest | undefined> => {
  try {
    return await find(reference)
  } catch {
    return undefined
  }
}

/** Begins a push and gives it up. Only a refusal is one: what a registry says to an upload that nobody goes on with differs, and a push tells more. */
export const beginIn = async (transport: Transport, repository: Repository): Promise<void> => {
  const ask: Ask = {
    url: '/blobs/uploads/',
    what: `begin a push to ${shownRepository(repository)}`,
    access: 'push',
    method: 'POST',
    headers: { 'content-length': '0' },
  }
  const reply = await transport.ask(ask)
  if ([401, 403, 404].includes(reply.status)) throw transport.refusal(reply, ask)
  const { location } = reply.headers
  if (reply.status !== 202 || location === undefined || !URL.canParse(location, transport.base)) return
  const upload = new URL(location, transport.base)
  // It ends by itself after a while where it is not given up, or lies elsewhere.
  if (upload.origin !== new URL(transport.base).origin) return
  const given: Ask = { url: upload.href, what: 'give an upload up', access: 'push', method: 'DELETE' }
  await transport.ask(given).catch(() => undefined)
}
