import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '@sluice/sandbox/ports'
import { createCounts } from './front-counts.ts'
import { CLIENT } from './traffic.ts'

/**
 * A process that stands in front of a user's own service in a pod of the rehearsal: it starts the service by its own command on a port of its own,
 * forwards to it, counts, and does wrong what the release is to do wrong. Faults strike clients' requests alone, so that probes, smoke tests and staging
 * see the service as it is. Argument 2: JSON of `Front`; the pod's port is in PORT_<port>, else PORT.
 */
export type Front = {
  /** The shell command, and the port that it would have in a container. */
  readonly run: string
  readonly port: number
  /** The name that answers carry in `x-release`. */
  readonly release: string
  readonly fault: 'none' | 'errors' | 'latency' | 'crash' | 'hang'
  readonly seed: number
  /** While this file is there half of the clients' requests fail, whatever the release. */
  readonly outageFile: string
  readonly metricsPath: string
}

/** The share of the clients' requests that a fault strikes, 0 to 1. */
const RATE = { none: 0, errors: 0.2, latency: 0.5, crash: 0.1, hang: 1 } as const
/** How long a slow answer waits, ms, and the share that an outage fails. */
const SLOW = 900
const OUTAGE_SHARE = 0.5

const main = async (front: Front): Promise<void> => {
  const outside = Number(process.env[`PORT_${front.port}`] ?? process.env.PORT)
  const inside = await freePort()
  const counts = createCounts(Date.now())
  const agent = new Agent({ keepAlive: true, maxSockets: 256 })
  // Names and numbers that only this process was meant to have are not the service's environment.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^PORT_\d+$/.test(name)))
  const child = spawn('bash', ['-c', front.run], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...env, PORT: String(inside), HOST: '127.0.0.1' },
  })
  child.on('error', (error) => {
    process.stderr.write(`The service could not be started: ${error.message}\n`)
    process.exit(127)
  })
  child.on('exit', (code, signal) => process.exit(signal === null ? (code ?? 1) : 128))

  const server = createServer((incoming, outgoing) => {
    if (incoming.url === front.metricsPath) return void outgoing.end(counts.render())
    const client = incoming.headers[CLIENT]
    outgoing.setHeader('x-release', front.release)
    if (client === undefined) return forward(agent, inside, incoming, outgoing)
    const began = performance.now()
    // Once, when the answer is out or the client has gone: 499, as proxies count it.
    outgoing.once('close', () =>
      counts.add(outgoing.writableFinished ? outgoing.statusCode : 499, (performance.now() - began) / 1000),
    )
    void struck(front, String(client)).then((what) => {
      if (what === 'crash') {
        child.kill('SIGKILL')
        process.exit(70)
      }
      if (what === 'fail') outgoing.writeHead(500).end('Rehearsed fault\n')
      if (what === 'pass') forward(agent, inside, incoming, outgoing)
    })
  })
  server.keepAliveTimeout = 75_000
  server.listen(outside, process.env.HOST ?? '127.0.0.1')
  process.on('SIGTERM', () => {
    // The service ends by its own manners; this process ends with it. What the clients still keep alive is let go.
    server.close()
    server.closeIdleConnections()
    child.kill('SIGTERM')
  })
}

/** What becomes of a client's request: `nothing` for one that is never answered. */
const struck = async (
  { fault, seed, outageFile }: Front,
  client: string,
): Promise<'pass' | 'fail' | 'crash' | 'nothing'> => {
  if (existsSync(outageFile) && draw(seed, `outage ${client}`) < OUTAGE_SHARE) return 'fail'
  if (draw(seed, client) >= RATE[fault]) return 'pass'
  if (fault === 'errors') return 'fail'
  if (fault === 'crash') return 'crash'
  if (fault === 'hang') return 'nothing'
  await sleep(SLOW)
  return 'pass'
}

const draw = (seed: number, text: string): number =>
  createHash('sha256').update(`${seed} ${text}`).digest().readUInt32BE() / 2 ** 32

const forward = (agent: Agent, port: number, incoming: IncomingMessage, outgoing: ServerResponse): void => {
  const asked = request(
    { agent, host: '127.0.0.1', port, method: incoming.method, path: incoming.url, headers: incoming.headers },
    (answer) => {
      const { 'x-release': _, ...headers } = answer.headers
      outgoing.writeHead(answer.statusCode ?? 502, headers)
      answer.pipe(outgoing)
    },
  )
  asked.on('error', () => (outgoing.headersSent ? outgoing.destroy() : outgoing.writeHead(502).end()))
  outgoing.once('close', () => {
    if (!outgoing.writableFinished) asked.destroy()
  })
  incoming.pipe(asked)
}

await main(JSON.parse(process.argv[2] ?? '{}'))
