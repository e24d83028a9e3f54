import { Fault } from '@sluice/kit/faults'
import { objectIn } from './documents.ts'
import { type Repository, shownRepository } from './repository.ts'
import type { Ask, Transport } from './transport.ts'

const PAGE = 1000
const MOST_TAGS = 100_000
/** A registry may give fewer than it is asked for. */
const MOST_PAGES = 2000

/**
 * All tags of a repository, each once; none where the registry knows no such repository.
 * Source: github.com/opencontainers/distribution-spec (spec.md, Listing Tags)
 * @throws Fault('upstream') for more than 100,000, for pages that lead in a circle or elsewhere, and for answers of another form
 */
export const readTags = async (transport: Transport, repository: Repository): Promise<readonly string[]> => {
  const name = shownRepository(repository)
  const tags = new Set<string>()
  const seen = new Set<string>()
  let url: string | undefined = `${transport.base}/tags/list?n=${PAGE}`
  while (url !== undefined) {
    if (seen.has(url)) throw endless(repository, 'the pages lead in a circle')
    if (seen.size === MOST_PAGES) throw endless(repository, `there are more than ${MOST_PAGES} pages`)
    seen.add(url)
    const ask: Ask = { url, what: `list the tags of ${name}`, access: 'pull' }
    const reply = await transport.ask(ask)
    if (reply.status === 404 && reply.storage === undefined) return [...tags]
    if (reply.status !== 200) throw transport.refusal(reply, ask)
    for (const tag of tagsIn(reply.body, repository)) tags.add(tag)
    if (tags.size > MOST_TAGS) {
      const hint = 'Delete old tags, by a lifecycle rule of the registry, or do not ask for what depends on all of them'
      throw new Fault('upstream', `${name} has more than ${MOST_TAGS} tags, which are not all read`, hint)
    }
    url = nextPage(reply.headers.link, { from: url, repository })
  }
  return [...tags]
}

const tagsIn = (body: string, repository: Repository): readonly string[] => {
  const { tags } = objectIn(body, `The list of tags of ${shownRepository(repository)}`)
  // A repository whose tags were all deleted has null.
  if (tags === null) return []
  if (Array.isArray(tags) && tags.every((tag) => typeof tag === 'string')) return tags
  throw new Fault(
    'upstream',
    `The list of tags of ${shownRepository(repository)} has no tags in it`,
    `Look at what answers for ${repository.host}`,
  )
}

/** Source: RFC 8288 */
const nextPage = (
  link: string | undefined,
  { from, repository }: { from: string; repository: Repository },
): string | undefined => {
  const to = /<([^>]*)>\s*;[^,<]*\brel="?next\b/i.exec(link ?? '')?.[1]
  if (to === undefined) return undefined
  const next = URL.canParse(to, from) ? new URL(to, from) : undefined
  if (next === undefined) throw endless(repository, 'the next page has no address')
  // Behind a proxy that ends TLS a registry may take itself for one of plain http.
  if (next.host === new URL(from).host) next.protocol = new URL(from).protocol
  if (next.origin === new URL(from).origin) return next.href
  throw endless(repository, `the next page is on another host, ${next.host}`)
}

const endless = (repository: Repository, why: string): Fault =>
  new Fault(
    'upstream',
    `The tags of ${shownRepository(repository)} cannot be listed: ${why}`,
    `Look at what answers for ${repository.host}`,
  )
