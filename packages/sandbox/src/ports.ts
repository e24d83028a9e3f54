import { createServer } from 'node:net'
import { Fault } from '@sluice/kit/faults'

// Below the range from which systems take the ports of outgoing connections, so that none of those can take a pod's port first.
const LOWEST = 20_000
const COUNT = 12_000

/** A loopback port that nobody listens on now. @throws Fault('upstream') when a hundred tries found none */
export const freePort = async (): Promise<number> => {
  for (let i = 0; i < 100; i += 1) {
    const port = LOWEST + Math.floor(Math.random() * COUNT)
    if (await isFree(port)) return port
  }
  throw new Fault('upstream', 'No free loopback port was found', 'Stop what listens on ports 20000 to 31999')
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)))
  })
