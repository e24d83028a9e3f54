import { connect, createServer, type Socket } from 'node:net'
import type { Access } from './access.ts'

/** A way to the API server that can be broken: every byte goes through it as it is, TLS and all. */
export type Link = {
  /** The same kubeconfig, by this way. The certificate is still checked, against the name it was made for. */
  kubeconfig(kubeconfig: string): string
  /** Resets every connection that is open. */
  cut(): void
  /** From now on every connection is reset at once. */
  refuse(): void
  /** From now on nothing gets through, and nobody is told. */
  hang(): void
  stop(): Promise<void>
}

/** Opens the way on a free loopback port. */
export const startLink = async ({ server }: Access): Promise<Link> => {
  const to = new URL(server)
  const open = new Set<Socket>()
  let mode: 'open' | 'refuse' | 'hang' = 'open'
  const both = (from: Socket): void => {
    if (mode === 'refuse') {
      from.resetAndDestroy()
      return
    }
    const on = connect(Number(to.port), to.hostname)
    for (const socket of [from, on]) {
      open.add(socket)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => {
        open.delete(socket)
        from.destroy()
        on.destroy()
      })
    }
    from.on('data', (part) => mode !== 'hang' && on.write(part))
    on.on('data', (part) => mode !== 'hang' && from.write(part))
  }
  const listener = createServer(both)
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const address = listener.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const cut = (): void => {
    for (const socket of open) socket.resetAndDestroy()
  }
  return {
    kubeconfig: (kubeconfig) => {
      const config = JSON.parse(kubeconfig) as { clusters: { cluster: Record<string, unknown> }[] }
      for (const { cluster } of config.clusters) {
        cluster.server = `https://127.0.0.1:${port}`
        cluster['tls-server-name'] = 'kubernetes.default.svc'
      }
      return JSON.stringify(config)
    },
    cut,
    refuse: () => {
      mode = 'refuse'
      cut()
    },
    hang: () => {
      mode = 'hang'
    },
    stop: async () => {
      cut()
      await new Promise((resolve) => listener.close(resolve))
    },
  }
}
