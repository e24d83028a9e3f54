import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Fault } from '@sluice/kit/faults'

/** Answers one request. */
export type Listener = (request: IncomingMessage, response: ServerResponse) => void

/** Loopback servers that already listen, so that a URL can be given out the moment it is asked for. */
export type Listeners = {
  /** The URL of a server that answers by this listener from now on. @throws Fault('upstream') when none is open yet */
  take(listener: Listener): { url: string; close(): void }
  stop(): Promise<void>
}

/** @param spare how many servers wait to be taken */
export const openListeners = async (spare: number): Promise<Listeners> => {
  const all = new Set<Server>()
  const waiting: Server[] = []
  let stopped = false
  const open = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const server = createServer()
      server.keepAliveTimeout = 65_000
      server.once('error', reject)
      server.listen(0, '127.0.0.1', () => {
        if (stopped) server.close()
        else {
          all.add(server)
          waiting.push(server)
        }
        resolve()
      })
    })
  await Promise.all(Array.from({ length: spare }, open))
  return {
    take: (listener) => {
      const server = waiting.shift()
      if (server === undefined) throw new Fault('upstream', 'No listener is open yet', 'Ask for fewer URLs at once')
      void open()
      server.on('request', listener)
      return {
        url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        close: () => {
          all.delete(server)
          server.close()
          server.closeAllConnections()
        },
      }
    },
    stop: async () => {
      stopped = true
      await Promise.all(
        [...all].map(
          (server) =>
            new Promise<void>((resolve) => {
              server.close(() => resolve())
              server.closeAllConnections()
            }),
        ),
      )
    },
  }
}
