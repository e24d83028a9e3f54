import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, createServer as createSocket } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'

/** A Prometheus that runs here: the one that SLUICE_PROMETHEUS names, that the cluster's tests built, or that is on PATH. */
export const prometheusBinary = (env: NodeJS.ProcessEnv): string | undefined => {
  const built = join(env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'sluice', 'cluster', 'bin')
  const candidates = existsSync(built)
    ? readdirSync(built)
        .filter((name) => /^prometheus-[0-9a-f]+$/.test(name))
        .map((name) => join(built, name))
        .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)
    : []
  const given = env.SLUICE_PROMETHEUS
  return [...(given === undefined ? [] : [given]), ...candidates, 'prometheus'].find(isPrometheus)
}

const isPrometheus = (path: string): boolean => {
  try {
    return /^prometheus,/.test(
      execFileSync(path, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }),
    )
  } catch {
    return false
  }
}

/** A pod as Prometheus sees it: counters by code, slow ones by bucket, a gauge. `restart` is a new process: all at 0. */
export type Pod = {
  readonly name: string
  readonly port: number
  count(code: number, times: number, seconds?: number): void
  restart(): void
  /** From now on its scrapes give these lines: samples with times of their own, of a past that nobody waits for. */
  tell(lines: readonly string[]): void
  gauge: number
  /** Waits until everything that was counted has been scraped. */
  scraped(): Promise<void>
  stop(): Promise<void>
}

const BOUNDS = [0.1, 0.5, 1]

/** Serves a pod's metrics on loopback. */
export const startPod = async (name: string): Promise<Pod> => {
  let codes = new Map<number, number>()
  let durations: number[] = []
  let scrapes = 0
  let told: readonly string[] | undefined
  const pod = { gauge: 1 }
  const server: Server = createServer((_, response) => {
    scrapes++
    const within = (bound: number): number => durations.filter((seconds) => seconds <= bound).length
    const lines = told ?? [
      ...[...codes].map(([code, count]) => `http_requests_total{code="${code}"} ${count}`),
      ...BOUNDS.map((bound) => `http_request_duration_seconds_bucket{le="${bound}"} ${within(bound)}`),
      `http_request_duration_seconds_bucket{le="+Inf"} ${durations.length}`,
      `queue_depth ${pod.gauge}`,
    ]
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(`${lines.join('\n')}\n`)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    name,
    port: (server.address() as AddressInfo).port,
    count: (code, times, seconds = 0.05) => {
      codes.set(code, (codes.get(code) ?? 0) + times)
      durations = [...durations, ...Array.from({ length: times }, () => seconds)]
    },
    restart: () => {
      codes = new Map()
      durations = []
    },
    tell: (lines) => {
      told = lines
    },
    get gauge() {
      return pod.gauge
    },
    set gauge(value: number) {
      pod.gauge = value
    },
    scraped: async () => {
      const before = scrapes
      await until(() => scrapes >= before + 2)
    },
    stop: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

/** A Prometheus on loopback that scrapes every second what it is told to. */
export type Prometheus = {
  readonly url: string
  /** These pods and no others, from the next second on. */
  scrape(pods: readonly Pod[]): void
  /** It takes connections and answers nobody. */
  pause(): void
  resume(): void
  stop(): Promise<void>
}

/** Starts it with an empty store. */
export const startPrometheus = async (binary: string): Promise<Prometheus> => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-prometheus-'))
  const targets = join(folder, 'targets.json')
  writeFileSync(targets, '[]')
  writeFileSync(
    join(folder, 'prometheus.yml'),
    JSON.stringify({
      global: { scrape_interval: '1s', scrape_timeout: '1s' },
      scrape_configs: [{ job_name: 'pods', file_sd_configs: [{ files: [targets], refresh_interval: '1s' }] }],
    }),
  )
  const port = await freePort()
  const child: ChildProcess = spawn(
    binary,
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=error',
    ],
    { stdio: 'ignore' },
  )
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const url = `http://127.0.0.1:${port}`
  await until(async () => (await fetch(`${url}/-/ready`).catch(() => undefined))?.status === 200)
  return {
    url,
    scrape: (pods) => {
      const list = pods.map(({ name, port: own }) => ({
        targets: [`127.0.0.1:${own}`],
        labels: { namespace: 'shop', pod: name },
      }))
      writeFileSync(`${targets}.new`, JSON.stringify(list))
      renameSync(`${targets}.new`, targets)
    },
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    stop: async () => {
      child.kill('SIGKILL')
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const freePort = async (): Promise<number> => {
  const socket = createSocket()
  await new Promise<void>((resolve) => socket.listen(0, '127.0.0.1', resolve))
  const { port } = socket.address() as AddressInfo
  await new Promise((resolve) => socket.close(resolve))
  return port
}

/** Waits until it holds, at most 30 s. */
export const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
  for (const end = Date.now() + 30_000; Date.now() < end; ) {
    if (await holds()) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('did not come to hold within 30 s')
}
