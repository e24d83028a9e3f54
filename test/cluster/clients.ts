import { Agent, request } from 'node:http'

/** Steady clients of one host behind the gateway. `failures`: one line for each request without a good answer. */
export type Clients = {
  /** What was answered since the last call, by version and status, such as `old 200`. */
  take(): Readonly<Record<string, number>>
  failures(): readonly string[]
  stop(): void
}

/** Sends `rate` requests a second, whatever the answers take: a slow service is asked as often as a quick one. */
export const startClients = (
  url: string,
  host: string,
  rate: number,
  headers: Readonly<Record<string, string>> = {},
): Clients => {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 })
  let counts: Record<string, number> = {}
  const failures: string[] = []
  const count = (key: string): void => {
    if (!key.endsWith(' 200')) failures.push(`${new Date().toISOString().slice(11, 23)} ${key}`)
    counts[key] = (counts[key] ?? 0) + 1
  }
  const send = (): void => {
    const sent = request(url, { agent, timeout: 10_000, headers: { host, ...headers } }, (response) => {
      const body: Buffer[] = []
      response.on('data', (part: Buffer) => body.push(part))
      response.on('end', () => count(`${Buffer.concat(body).toString().slice(0, 30).trim()} ${response.statusCode}`))
      response.on('error', () => count('cut off'))
    })
    sent.on('timeout', () => sent.destroy(new Error('no answer in 10 s')))
    sent.on('error', (error: Error) => count(`no answer (${error.message})`))
    sent.end()
  }
  const began = performance.now()
  let owed = 0
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - began) / 1000) * rate)
    for (; owed < due; owed++) send()
  }, 5)
  return {
    take: () => {
      const taken = counts
      counts = {}
      return taken
    },
    failures: () => failures,
    stop: () => {
      clearInterval(timer)
      agent.destroy()
    },
  }
}

/** Sends `count` requests as fast as `width` at a time go, and says which version answered how often. For shares, not for load. */
export const askMany = async (
  url: string,
  host: string,
  count: number,
  width = 32,
  headers: Readonly<Record<string, string>> = {},
): Promise<Readonly<Record<string, number>>> => {
  const agent = new Agent({ keepAlive: true, maxSockets: width })
  const counts: Record<string, number> = {}
  let left = count
  const worker = async (): Promise<void> => {
    while (left-- > 0) {
      const key = await new Promise<string>((resolve) => {
        const sent = request(url, { agent, timeout: 10_000, headers: { host, ...headers } }, (response) => {
          const body: Buffer[] = []
          response.on('data', (part: Buffer) => body.push(part))
          response.on('end', () =>
            resolve(`${Buffer.concat(body).toString().slice(0, 30).trim()} ${response.statusCode}`),
          )
        })
        sent.on('timeout', () => sent.destroy(new Error('no answer in 10 s')))
        sent.on('error', (error: Error) => resolve(`no answer (${error.message})`))
        sent.end()
      })
      counts[key] = (counts[key] ?? 0) + 1
    }
  }
  await Promise.all(Array.from({ length: width }, worker))
  agent.destroy()
  return counts
}
