import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createMetrics } from './metrics.ts'
import { type Classification, classify, type Model, readModel } from './model.ts'
import { createService } from './service.ts'

/** Puts a ticket's text to an intent. Rejects when it cannot: the request is then answered with 500. */
export type Classify = (text: string) => Promise<Classification>

/** Where the service listens and what it calls itself. */
export type Options = {
  /** 0: any free port. */
  readonly port: number
  readonly host: string
  readonly release: string
  readonly modelFile: string | URL
  /** How long requests in flight may take to end once the process is told to stop; milliseconds. */
  readonly grace: number
  /** Put around the model, and around what `/ready` says. The service itself passes nothing. */
  readonly around?: {
    readonly classify?: (inner: Classify) => Classify
    readonly ready?: (inner: () => boolean) => () => boolean
  }
  log(line: string): void
}

/** A service that listens, and the way to end it. */
export type Started = {
  readonly url: string
  /** Takes no more connections, lets requests in flight end; `cut` counts those that took longer than the grace. */
  stop(): Promise<{ readonly cut: number }>
}

/** Listens at once, so that the process can be probed, and is ready when the model is loaded. Rejects when the model cannot be read. */
export const start = async ({ port, host, release, modelFile, grace, around, log }: Options): Promise<Started> => {
  let model: Model | undefined
  let stopping = false
  let inFlight = 0
  const answer: Classify = async (text) => {
    if (model === undefined) throw new Error('The model is not loaded')
    return classify(model, text)
  }
  const isReady = (): boolean => model !== undefined && !stopping
  const modelVersion = (): string => model?.version ?? ''
  const service = createService({
    classify: around?.classify?.(answer) ?? answer,
    ready: around?.ready?.(isReady) ?? isReady,
    modelVersion,
    release,
    metrics: createMetrics({
      seconds: () => performance.now() / 1000,
      startedAt: performance.timeOrigin / 1000,
      info: () => ({ release, model: modelVersion() }),
    }),
    log,
  })
  const server = createServer((request, response) => {
    inFlight++
    response.once('close', () => inFlight--)
    if (stopping) response.setHeader('connection', 'close')
    service(request, response)
  })
  // Longer than a proxy keeps idle connections (nginx 60 s, Traefik 90 s), so that it is never this side that closes one under a request.
  server.keepAliveTimeout = 95_000
  await listen(server, { port, host })
  const url = `http://${host}:${(server.address() as AddressInfo).port}`
  model = readModel(await readFile(modelFile, 'utf8'))
  log(`support-router ${release} on ${url}, model ${model.version}`)
  return {
    url,
    stop: async () => {
      stopping = true
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      const late = new Promise<'late'>((resolve) => setTimeout(resolve, grace, 'late').unref())
      // Connections that clients keep alive would hold the server open; one that never carried a request does not count as idle.
      let quiet = 0
      const sweep = setInterval(() => {
        server.closeIdleConnections()
        quiet = inFlight === 0 ? quiet + 1 : 0
        if (quiet === 10) server.closeAllConnections()
      }, 20)
      const cut = (await Promise.race([closed, late])) === 'late' ? inFlight : 0
      clearInterval(sweep)
      server.closeAllConnections()
      return { cut }
    },
  }
}

const listen = (server: Server, { port, host }: { readonly port: number; readonly host: string }): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => resolve())
  })
