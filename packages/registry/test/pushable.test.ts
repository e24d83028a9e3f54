import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { connectRegistry, type Registry } from '../src/registry.ts'

/** A registry that answers a push as it is told to, and what it was asked. */
const answering = async (answer: RequestListener): Promise<{ registry: Registry; asked: string[] }> => {
  const asked: string[] = []
  const server = createServer((incoming, outgoing) => {
    asked.push(`${incoming.method} ${incoming.url}`)
    answer(incoming, outgoing)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  const connection = { credentials: async () => undefined, attempts: 1, signal: new AbortController().signal }
  return { registry: connectRegistry({ host: `127.0.0.1:${port}`, path: 'shop' }, connection), asked }
}

test('an upload that may begin is given up again', async () => {
  const { registry, asked } = await answering(({ method }, outgoing) => {
    outgoing.writeHead(method === 'POST' ? 202 : 204, { location: '/v2/shop/blobs/uploads/7?state=x' }).end()
  })
  await registry.pushable()
  expect(asked).toEqual(['POST /v2/shop/blobs/uploads/', 'DELETE /v2/shop/blobs/uploads/7?state=x'])
})

test('an upload that lies elsewhere is not followed', async () => {
  const { registry, asked } = await answering((_, outgoing) => {
    outgoing.writeHead(202, { location: 'http://elsewhere.invalid/upload' }).end()
  })
  await registry.pushable()
  expect(asked).toEqual(['POST /v2/shop/blobs/uploads/'])
})

test.for([
  [401, 'refused to begin a push to'],
  [403, 'refused to begin a push to'],
  [404, 'did not begin a push to'],
] as const)('%i is a refusal, with what to do', async ([status, text]) => {
  const { registry } = await answering((_, outgoing) => outgoing.writeHead(status).end())
  await expect(registry.pushable()).rejects.toThrow(text)
})

test('a registry that does not know such a question is left to the push', async () => {
  const { registry } = await answering((_, outgoing) => outgoing.writeHead(405).end())
  await expect(registry.pushable()).resolves.toBeUndefined()
})
