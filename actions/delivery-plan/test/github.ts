import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

/** An environment as GitHub's REST API shows it: the parts that matter here. */
export type Shown = {
  readonly protection_rules?: readonly object[]
  readonly deployment_branch_policy?: object | null
  /** How many other systems must allow a deployment. */
  readonly apps?: number
}

/** What the server is to say. `status`: the answer to everything, for a token or a server that fails. */
export type Says = {
  readonly environments?: Readonly<Record<string, Shown>>
  readonly status?: number
  /** 404 for whatever there is: what a token gets that may not see the repository. */
  readonly hidden?: boolean
}

export const REVIEWED = { type: 'required_reviewers', reviewers: [{ type: 'User', reviewer: { login: 'a' } }] }
export const PROTECTED = { protected_branches: true, custom_branch_policies: false }

/** A server on loopback that speaks the part of GitHub's REST API that is asked. `asked` are the paths, `tokens` what came with them. */
export const startGitHub = async (
  says: Says,
): Promise<{
  readonly url: string
  readonly asked: string[]
  readonly tokens: Set<string>
  stop(): Promise<void>
}> => {
  const asked: string[] = []
  const tokens = new Set<string>()
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    tokens.add(request.headers.authorization ?? '')
    const [status, body] = answer(says, request)
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    tokens,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

const answer = (
  { environments = {}, status, hidden }: Says,
  { url = '' }: IncomingMessage,
): readonly [number, object] => {
  if (status !== undefined) return [status, { message: 'Resource not accessible by integration' }]
  const missing = [404, { message: 'Not Found' }] as const
  if (hidden) return missing
  const match = /^\/repos\/acme\/shop\/environments(?:\/([^/?]+)(\/deployment_protection_rules)?)?(?:\?.*)?$/.exec(url)
  if (match === null) return missing
  const [, name, rules] = match
  if (name === undefined) return [200, { total_count: Object.keys(environments).length, environments: [] }]
  const found = environments[decodeURIComponent(name)]
  if (found === undefined) return missing
  const { apps = 0, ...shown } = found
  if (rules === undefined) return [200, { name, protection_rules: [], deployment_branch_policy: null, ...shown }]
  return [
    200,
    {
      total_count: apps,
      custom_deployment_protection_rules: Array.from({ length: apps }, (_, id) => ({ id, enabled: true })),
    },
  ]
}
