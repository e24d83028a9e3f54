import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { keepComment } from '../src/comments.ts'
import { connect } from '../src/connect.ts'
import { refusalBehind } from '../src/refusal.ts'

type Comment = { id: number; body: string; user: { login: string; type: string } }
const MARKER = '<!-- ours -->'
const BOT = { login: 'shop-bot[bot]', type: 'Bot' }

let server: Server
let comments: Comment[]
let user: unknown
/** Takes the next call that writes, and says whether it did. */
let meddle: (response: ServerResponse, make: () => void) => boolean
let writes: string[]

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  let text = ''
  for await (const chunk of request) text += chunk
  return text
}

beforeEach(async () => {
  comments = []
  user = undefined
  writes = []
  meddle = () => false
  server = createServer(async (request, response) => {
    const { method, url = '' } = request
    const text = await bodyOf(request)
    const answer = (status: number, body: unknown): void =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    if (url === '/user')
      return user === undefined ? answer(403, { message: 'Resource not accessible by integration' }) : answer(200, user)
    const query = new URL(url, 'http://x').searchParams
    if (method === 'GET') {
      const from = (Number(query.get('page')) - 1) * Number(query.get('per_page'))
      return answer(200, comments.slice(from, from + Number(query.get('per_page'))))
    }
    writes.push(`${method} ${url}`)
    const { body } = JSON.parse(text) as { body: string }
    const make = (): void => void comments.push({ id: comments.length + 1, body, user: BOT })
    if (meddle(response, make)) return
    if (method === 'POST') {
      make()
      return answer(201, comments.at(-1))
    }
    const found = comments.find(({ id }) => url.endsWith(`/comments/${id}`))
    if (found === undefined) return answer(404, { message: 'Not Found' })
    found.body = body
    answer(200, found)
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
})
afterEach(() => server.close())

const keep = (body: string, make = true) => {
  const env = { GITHUB_API_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
  const github = connect({ token: 't', repository: 'acme/shop', env, timeoutMs: 20_000, userAgent: 'test' })
  return keepComment(github, { issue: 7, marker: MARKER, body: `${MARKER}\n${body}` }, make)
}

it('is made, changed, and left alone where it says the same', async () => {
  expect(await keep('one', false)).toBe('none')
  expect(await keep('one')).toBe('made')
  expect(await keep('one')).toBe('same')
  expect(await keep('two', false)).toBe('changed')
  expect(comments.map(({ body }) => body)).toEqual([`${MARKER}\ntwo`])
  expect(writes).toHaveLength(2)
})

it('is found behind a hundred others', async () => {
  comments = Array.from({ length: 100 }, (_, index) => ({ id: index + 1, body: 'talk', user: BOT }))
  comments.push({ id: 101, body: `${MARKER}\none`, user: BOT })
  expect(await keep('two')).toBe('changed')
  expect(comments).toHaveLength(101)
})

it('of a person is theirs, unless the token is that person’s', async () => {
  comments = [{ id: 1, body: `${MARKER}\none`, user: { login: 'eve', type: 'User' } }]
  expect(await keep('two')).toBe('made')
  comments = [{ id: 1, body: `${MARKER}\none`, user: { login: 'ada', type: 'User' } }]
  user = { login: 'ada' }
  expect(await keep('two')).toBe('changed')
})

it('whose making got no answer is looked for before it is made again', async () => {
  let lost = false
  meddle = (response, make) => {
    if (lost) return false
    lost = true
    make()
    response.destroy()
    return true
  }
  expect(await keep('one')).toBe('same')
  expect(comments).toHaveLength(1)
})

it('that the token may not write is a refusal that says which permission is missing', async () => {
  meddle = (response) => {
    response
      .writeHead(403, { 'content-type': 'application/json' })
      .end(JSON.stringify({ message: 'Resource not accessible by integration' }))
    return true
  }
  const thrown = await keep('one').catch((error: unknown) => error)
  expect(refusalBehind(thrown)).toEqual({ code: 'forbidden', mayBeDone: false })
  expect(thrown).toMatchObject({ hint: expect.stringContaining('pull-requests: write') })
})
