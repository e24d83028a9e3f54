import { request } from 'node:http'
import { connect } from 'node:net'
import type { Probe } from './objects.ts'

/** What a probe needs to know of its container. */
export type Probed = {
  /** The real loopback port of a containerPort, by number or name. */
  port(wanted: number | string): number | undefined
  run(command: readonly string[], timeoutMs: number): Promise<boolean>
}

/** One try of a probe, as the kubelet makes it: HTTP 200–399, a connection, or exit code 0, within `timeoutSeconds`. Never throws. */
const tryProbe = (probe: Probe, container: Probed): Promise<{ ok: boolean; text: string }> => {
  const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000
  if (probe.exec !== undefined) {
    return container.run(probe.exec.command, timeoutMs).then((ok) => ({ ok, text: ok ? '' : 'command failed' }))
  }
  const port = container.port(probe.httpGet?.port ?? probe.tcpSocket?.port ?? 0)
  if (port === undefined)
    return Promise.resolve({
      ok: false,
      text: `port ${probe.httpGet?.port ?? probe.tcpSocket?.port} is not one of the container's`,
    })
  return probe.httpGet === undefined ? tryConnect(port, timeoutMs) : tryGet(probe.httpGet, port, timeoutMs)
}

const tryConnect = (port: number, timeoutMs: number): Promise<{ ok: boolean; text: string }> =>
  new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', timeout: timeoutMs })
    const end = (ok: boolean, text: string): void => {
      socket.destroy()
      resolve({ ok, text })
    }
    socket.once('connect', () => end(true, ''))
    socket.once('timeout', () => end(false, 'i/o timeout'))
    socket.once('error', (error) => end(false, error.message))
  })

const tryGet = (
  get: NonNullable<Probe['httpGet']>,
  port: number,
  timeoutMs: number,
): Promise<{ ok: boolean; text: string }> =>
  new Promise((resolve) => {
    const headers = Object.fromEntries((get.httpHeaders ?? []).map((header) => [header.name, header.value]))
    const call = request(
      {
        port,
        host: '127.0.0.1',
        path: get.path ?? '/',
        agent: false,
        headers: { 'user-agent': 'kube-probe/1.34', ...headers },
      },
      (response) => {
        response.resume()
        const code = response.statusCode ?? 0
        const ok = code >= 200 && code < 400
        clearTimeout(timer)
        resolve({ ok, text: ok ? '' : `HTTP probe failed with statuscode: ${code}` })
      },
    )
    const timer = setTimeout(() => {
      call.destroy()
      resolve({ ok: false, text: 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)' })
    }, timeoutMs)
    call.once('error', (error) => {
      clearTimeout(timer)
      resolve({ ok: false, text: error.message })
    })
    call.end()
  })

// A container that is starting is asked this often, so that a release does not wait out whole periods; Kubernetes too probes a starting
// container more eagerly than its period says.
const EAGER_MS = 200

/** What probes tell: whether the container is ready, and when it must be killed. */
export type Verdicts = {
  /** The first time the startup probe holds, or at once without one. */
  started(): void
  ready(value: boolean): void
  /** The liveness or startup probe failed as often as it may. */
  unhealthy(text: string): void
  failed(probe: 'Readiness' | 'Liveness' | 'Startup', text: string): void
}

type Probes = { readonly readinessProbe?: Probe; readonly livenessProbe?: Probe; readonly startupProbe?: Probe }

/** Runs a container's probes until the returned function is called. */
export const watchHealth = (probes: Probes, container: Probed, tell: Verdicts): (() => void) => {
  let stopped = false
  const timers = new Set<NodeJS.Timeout>()
  const wait = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(() => {
        timers.delete(timer)
        resolve()
      }, ms)
      timers.add(timer)
    })
  const repeat = async (
    probe: Probe,
    name: 'Readiness' | 'Liveness' | 'Startup',
    seen: (ok: boolean, text: string) => 'stop' | 'go',
  ): Promise<void> => {
    const period = (probe.periodSeconds ?? 10) * 1000
    let good = 0
    let bad = 0
    let ever = false
    // The kubelet's first look at a container that has just begun is a turn later; without that, a liveness probe that may fail only once
    // would kill every container before it listens.
    const first = name === 'Liveness' ? period : 0
    await wait(Math.max((probe.initialDelaySeconds ?? 0) * 1000, first))
    let toldAt = performance.now()
    while (!stopped) {
      const { ok, text } = await tryProbe(probe, container)
      if (stopped) return
      good = ok ? good + 1 : 0
      bad = ok ? 0 : bad + 1
      // An eager look that fails is no failure yet: the kubelet tells one each period.
      const due = ever || name !== 'Readiness' || performance.now() - toldAt >= period
      if (!ok && due) {
        toldAt = performance.now()
        tell.failed(name, text)
      }
      if (ok && good >= (probe.successThreshold ?? 1)) {
        ever = true
        if (seen(true, '') === 'stop') return
      }
      if (!ok && bad >= (probe.failureThreshold ?? 3) && seen(false, text) === 'stop') return
      // Failures are counted once a period; looking eagerly must not use them up.
      const eager = !ever && name === 'Readiness'
      await wait(eager ? Math.min(EAGER_MS, period) : period)
    }
  }
  const rest = (): void => {
    tell.started()
    if (probes.readinessProbe === undefined) tell.ready(true)
    else {
      void repeat(probes.readinessProbe, 'Readiness', (ok) => {
        tell.ready(ok)
        return 'go'
      })
    }
    if (probes.livenessProbe !== undefined) {
      void repeat(probes.livenessProbe, 'Liveness', (ok, text) => {
        if (ok) return 'go'
        tell.unhealthy(text)
        return 'stop'
      })
    }
  }
  if (probes.startupProbe === undefined) rest()
  else {
    void repeat(probes.startupProbe, 'Startup', (ok, text) => {
      if (ok) rest()
      else tell.unhealthy(text)
      return 'stop'
    })
  }
  return () => {
    stopped = true
    for (const timer of timers) clearTimeout(timer)
  }
}
