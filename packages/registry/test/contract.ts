import { randomUUID } from 'node:crypto'
import { request } from '@sluice/http/request'
import { Fault } from '@sluice/kit/faults'
import { describe, expect, it } from 'vitest'
import type { Credentials } from '../src/credentials.ts'
import { connectRegistry, type Registry } from '../src/registry.ts'
import { digestOf, imageFor, indexOf, sizeOf, type TestImage } from './images.ts'

/** A registry to try: on this machine, by plain http. `authorization`: the header to upload blobs to a path with, where one is needed. */
export type Tried = {
  readonly host: string
  readonly credentials?: Credentials
  readonly authorization?: (path: string) => string
}

/** Puts the blobs of images into a repository, as a build would have. */
export const uploadBlobs = async (
  { host, authorization }: Tried,
  path: string,
  images: readonly Pick<TestImage, 'blobs'>[],
): Promise<void> => {
  const headers = authorization === undefined ? {} : { authorization: authorization(path) }
  for (const body of new Set(images.flatMap(({ blobs }) => blobs))) {
    const begun = await request({
      url: `http://${host}/v2/${path}/blobs/uploads/`,
      method: 'POST',
      headers,
      timeoutMs: 10_000,
    })
    if (begun.kind !== 'answered' || begun.status !== 202) throw new Error(`no upload: ${JSON.stringify(begun)}`)
    const to = new URL(begun.headers.location ?? '', `http://${host}`)
    to.searchParams.set('digest', digestOf(body))
    const type = { 'content-type': 'application/octet-stream' }
    const done = await request({ url: to, method: 'PUT', headers: { ...headers, ...type }, body, timeoutMs: 10_000 })
    if (done.kind !== 'answered' || done.status !== 201) throw new Error(`not uploaded: ${JSON.stringify(done)}`)
  }
}

const connected = (tried: Tried, path: string): Registry =>
  connectRegistry(
    { host: tried.host, path },
    { credentials: async () => tried.credentials, attempts: 2, signal: new AbortController().signal },
  )

/** What the client needs of a registry, whichever it is: the same cases for one in memory and for those that run. @param make called for each case */
export const registryContract = (name: string, make: () => Promise<Tried>): void => {
  const opened = async (images: readonly TestImage[] = []) => {
    const tried = await make()
    const path = `contract/${randomUUID()}`
    await uploadBlobs(tried, path, images)
    const registry = connected(tried, path)
    for (const image of images) await registry.put(digestOf(image.text), image)
    return { registry, tried, path }
  }

  describe(`${name}, as the client needs it`, () => {
    it('has nothing in a repository that it does not know', async () => {
      const { registry } = await opened()
      expect(await registry.find('1.0')).toBeUndefined()
      expect(await registry.manifest('1.0')).toBeUndefined()
      expect(await registry.image(digestOf('none'))).toBeUndefined()
      expect(await registry.tags()).toEqual([])
    })

    it('gives back the very bytes, by tag and by digest', async () => {
      const image = imageFor('linux/amd64', { title: 'schön' })
      const digest = digestOf(image.text)
      const { registry } = await opened([image])
      expect(await registry.find('1.0')).toBeUndefined()
      expect(await registry.put('1.0', image)).toEqual({ kind: 'written', digest })
      expect(await registry.find('1.0')).toBe(digest)
      expect(await registry.find(digest)).toBe(digest)
      const wanted = { digest, mediaType: image.mediaType, text: image.text, kind: 'image' }
      expect(await registry.manifest('1.0')).toEqual(wanted)
      expect(await registry.manifest(digest)).toEqual(wanted)
    })

    it('tells the platform, the labels and the bytes of one image', async () => {
      const image = imageFor('linux/arm64/v8', { revision: 'abc' })
      const digest = digestOf(image.text)
      const { registry } = await opened([image])
      expect(await registry.image(digest)).toEqual({
        digest,
        platforms: [{ platform: 'linux/arm64/v8', digest, size: sizeOf(image) }],
        labels: { revision: 'abc' },
      })
    })

    it('tells the images of an index without their attestations, and the labels they share', async () => {
      const images = [
        imageFor('linux/amd64', { revision: 'abc', built: 'here' }),
        imageFor('linux/arm64', { revision: 'abc', built: 'there' }),
        imageFor('linux/arm/v7', { revision: 'abc' }),
      ]
      const index = indexOf(images)
      const { registry } = await opened([...images, ...index.attestations])
      await registry.put('1.0', index)
      expect(await registry.image('1.0')).toEqual({
        digest: digestOf(index.text),
        platforms: images.map((image) => ({
          platform: image.platform,
          digest: digestOf(image.text),
          size: sizeOf(image),
        })),
        labels: { revision: 'abc' },
      })
    })

    it('moves a tag, and may be told the same twice', async () => {
      const [first, second] = [imageFor('linux/amd64', { v: '1' }), imageFor('linux/amd64', { v: '2' })]
      const { registry } = await opened([first, second])
      await registry.put('latest', first)
      expect(await registry.put('latest', second)).toEqual({ kind: 'written', digest: digestOf(second.text) })
      expect(await registry.put('latest', second)).toEqual({ kind: 'written', digest: digestOf(second.text) })
      expect(await registry.find('latest')).toBe(digestOf(second.text))
    })

    it('lists its tags', async () => {
      const image = imageFor('linux/amd64')
      const { registry } = await opened([image])
      const tags = ['1.0.0', '1.1.0', 'main-1234567', 'sha-1234567', 'V_2']
      await Promise.all(tags.map((tag) => registry.put(tag, image)))
      expect([...(await registry.tags())].sort()).toEqual([...tags].sort())
    })

    it('refuses a manifest that names what it does not have', async () => {
      const image = imageFor('linux/amd64')
      const { registry, tried, path } = await opened()
      await uploadBlobs(tried, path, [{ blobs: image.blobs.slice(1) }])
      const refused = await registry.put('1.0', image).catch((thrown: unknown) => thrown)
      expect(refused).toBeInstanceOf(Fault)
      expect(String(refused)).toContain(`${tried.host} did not write ${tried.host}/${path}:1.0: 4`)
      expect(await registry.find('1.0')).toBeUndefined()
    })

    it('refuses an index that lists what it does not have', async () => {
      const image = imageFor('linux/amd64')
      const { registry } = await opened([image])
      await expect(registry.put('1.0', indexOf([image]))).rejects.toBeInstanceOf(Fault)
    })
  })
}
