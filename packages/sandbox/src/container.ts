import { setTimeout as sleep } from 'node:timers/promises'
import { type Environment, expanded } from './environment.ts'
import type { Container, ContainerState, ContainerStatus, Lifecycle } from './objects.ts'
import { timestamp } from './objects.ts'
import { freePort } from './ports.ts'
import { watchHealth } from './probes.ts'
import type { Processes, Running } from './processes.ts'

/** What an image runs. Images are known by digest only. */
export type Image = {
  readonly command: readonly string[]
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
}

/** What a container tells the kubelet. */
export type ContainerEvents = {
  changed(): void
  event(type: 'Normal' | 'Warning', reason: string, message: string): void
}

/** What a container needs to run: processes, its image, its environment, its pod's policy. */
export type ContainerWorld = {
  readonly processes: Processes
  image(digest: string): Image | undefined
  environment(): Environment
  readonly restartPolicy: 'Always' | 'OnFailure' | 'Never'
  /** How long a process that was told to end may take. */
  readonly graceMs: number
  /** A name for the container that is unique in the cluster. */
  readonly id: string
}

/** One container of a pod: its process, restarted as the pod's policy says, its health and its logs. */
export type LiveContainer = {
  status(): ContainerStatus
  /** The real port of a containerPort or port name; undefined while none is mapped. */
  port(wanted: number | string): number | undefined
  log(previous: boolean): string
  onLog(listener: (text: string) => void): () => void
  exec(command: readonly string[], timeoutMs: number): Promise<boolean>
  /** preStop, SIGTERM, then SIGKILL at the deadline; resolves when the process is gone. */
  terminate(graceMs: number): Promise<void>
  kill(): void
}

const BACKOFF_FIRST_MS = 1_000
const BACKOFF_MOST_MS = 10_000
const LOG_LIMIT = 1_000_000

/** Runs a container as a process; one that ends is started again as the restart policy says, after a growing pause. */
export const startContainer = (spec: Container, world: ContainerWorld, on: ContainerEvents): LiveContainer => {
  const digest = /^[^@\s]+@(sha256:[0-9a-f]{64})$/.exec(spec.image)?.[1]
  const ports = new Map<number, number>()
  const listeners = new Set<(text: string) => void>()
  let log = ''
  let previousLog = ''
  let running: Running | undefined
  let environment: Record<string, string> = {}
  let stopHealth = (): void => undefined
  let over = false
  let backoff = BACKOFF_FIRST_MS
  let startedAt = 0
  let timer: NodeJS.Timeout | undefined
  let killedFor: string | undefined
  const status: ContainerStatus = {
    name: spec.name,
    image: spec.image,
    imageID: '',
    ready: false,
    started: false,
    restartCount: 0,
    state: { waiting: { reason: 'ContainerCreating' } },
    lastState: {},
  }
  const set = (change: Partial<ContainerStatus>): void => {
    Object.assign(status, change)
    on.changed()
  }
  const again = (ms: number): void => {
    timer = setTimeout(() => void start(), ms)
  }
  const waitFor = (reason: string, message: string): void => {
    const shown: ContainerState = { waiting: { reason, message } }
    set({ state: shown, ready: false })
  }
  const port: LiveContainer['port'] = (wanted) => {
    const declared = spec.ports?.find((one) => one.name === wanted || one.containerPort === Number(wanted))
    return ports.get(declared?.containerPort ?? Number(wanted))
  }

  const start = async (): Promise<void> => {
    if (over) return
    const image = digest === undefined ? undefined : world.image(digest)
    if (image === undefined) {
      const why =
        digest === undefined
          ? `Failed to pull image "${spec.image}": the embedded cluster runs images by digest only (name@sha256:…)`
          : `Failed to pull image "${spec.image}": not found`
      const backingOff =
        'waiting' in status.state && /^(ErrImagePull|ImagePullBackOff)$/.test(status.state.waiting.reason)
      on.event(
        'Warning',
        backingOff ? 'BackOff' : 'Failed',
        backingOff ? `Back-off pulling image "${spec.image}"` : why,
      )
      waitFor(
        backingOff ? 'ImagePullBackOff' : 'ErrImagePull',
        backingOff ? `Back-off pulling image "${spec.image}"` : why,
      )
      again(backingOff ? 2_000 : 500)
      return
    }
    const wanted = world.environment()
    if (wanted.kind === 'missing') {
      on.event('Warning', 'Failed', `Error: ${wanted.text}`)
      waitFor('CreateContainerConfigError', wanted.text)
      again(1_000)
      return
    }
    const declared = spec.ports ?? []
    for (const one of declared.length > 0 ? declared : [{ containerPort: 8080 }])
      ports.set(one.containerPort, await freePort())
    if (over) return
    const first = ports.get(declared[0]?.containerPort ?? 8080)
    environment = {
      PATH: process.env.PATH ?? '',
      HOME: process.env.HOME ?? '/',
      ...image.env,
      ...wanted.values,
      HOST: '127.0.0.1',
      PORT: String(first),
      ...Object.fromEntries([...ports].map(([number, real]) => [`PORT_${number}`, String(real)])),
    }
    const command = [...(spec.command ?? image.command), ...(spec.args ?? [])].map((part) =>
      expanded(part, environment),
    )
    launch(command, image.cwd)
  }

  const launch = (command: readonly string[], cwd: string | undefined): void => {
    previousLog = status.restartCount > 0 || log !== '' ? log : previousLog
    log = ''
    killedFor = undefined
    const mine = world.processes.start({
      command,
      ...(cwd === undefined ? {} : { cwd }),
      env: environment,
      output: (text) => {
        log = (log + text).slice(-LOG_LIMIT)
        for (const listener of listeners) listener(text)
      },
    })
    running = mine
    startedAt = Date.now()
    void mine.ended.then((ended) => {
      stopHealth()
      if (running === mine) finished(ended.code, ended.signal, ended.error)
    })
    if (mine.pid === 0) return
    on.event('Normal', 'Started', `Started container ${spec.name}`)
    set({
      state: { running: { startedAt: timestamp(startedAt) } },
      containerID: `sandbox://${world.id}-${spec.name}-${mine.pid}-${status.restartCount}`,
      imageID: spec.image,
      started: false,
    })
    stopHealth = watchHealth(
      spec,
      { port, run: exec },
      {
        started: () => set({ started: true }),
        ready: (value) => {
          if (status.ready !== value) set({ ready: value })
        },
        unhealthy: (text) => {
          on.event('Normal', 'Killing', `Container ${spec.name} failed liveness probe, will be restarted`)
          killedFor = text
          void stopProcess(mine, world.graceMs)
        },
        failed: (probe, text) => on.event('Warning', 'Unhealthy', `${probe} probe failed: ${text}`),
      },
    )
  }

  const finished = (code: number | null, signal: NodeJS.Signals | null, error: string | undefined): void => {
    const number = signal === null ? undefined : signalNumber(signal)
    const exitCode = error === undefined ? (code ?? 128 + (number ?? 0)) : 128
    const ended: ContainerState = {
      terminated: {
        exitCode,
        ...(number === undefined ? {} : { signal: number }),
        reason: error === undefined ? (exitCode === 0 ? 'Completed' : 'Error') : 'StartError',
        ...(error === undefined ? (killedFor === undefined ? {} : { message: killedFor }) : { message: error }),
        startedAt: timestamp(startedAt),
        finishedAt: timestamp(Date.now()),
        ...(status.containerID === undefined ? {} : { containerID: status.containerID }),
      },
    }
    running = undefined
    if (error !== undefined) on.event('Warning', 'Failed', `Error: ${error}`)
    if (over || world.restartPolicy === 'Never' || (world.restartPolicy === 'OnFailure' && exitCode === 0)) {
      set({ state: ended, ready: false, started: false })
      return
    }
    // A container that ran well for a while starts its back-off anew, as after ten minutes in the kubelet.
    if (Date.now() - startedAt > 6 * BACKOFF_MOST_MS) backoff = BACKOFF_FIRST_MS
    const firstRestart = status.restartCount === 0 && Object.keys(status.lastState).length === 0
    const delay = firstRestart ? 100 : backoff
    if (!firstRestart) {
      backoff = Math.min(BACKOFF_MOST_MS, backoff * 2)
      on.event('Warning', 'BackOff', `Back-off restarting failed container ${spec.name}`)
    }
    set({
      state: firstRestart
        ? ended
        : {
            waiting: {
              reason: 'CrashLoopBackOff',
              message: `back-off ${delay}ms restarting failed container=${spec.name}`,
            },
          },
      lastState: ended,
      ready: false,
      started: false,
    })
    timer = setTimeout(() => {
      status.restartCount += 1
      void start()
    }, delay)
  }

  const exec: LiveContainer['exec'] = async (command, timeoutMs) => {
    const child = world.processes.start({ command, env: environment, output: () => undefined })
    const limit = setTimeout(() => child.kill(), timeoutMs)
    const ended = await child.ended
    clearTimeout(limit)
    return ended.code === 0
  }

  const stopProcess = async (target: Running, graceMs: number): Promise<void> => {
    target.signal('SIGTERM')
    const limit = setTimeout(() => target.kill(), graceMs)
    await target.ended
    clearTimeout(limit)
  }

  void start()
  return {
    status: () => ({ ...status }),
    port,
    log: (previous) => (previous ? previousLog : log),
    onLog: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    exec,
    terminate: async (graceMs) => {
      over = true
      clearTimeout(timer)
      stopHealth()
      const mine = running
      if (mine === undefined) return
      const deadline = Date.now() + graceMs
      await Promise.race([
        preStop(spec.lifecycle, exec, graceMs),
        mine.ended,
        sleep(graceMs, undefined, { ref: false }),
      ])
      await stopProcess(mine, Math.max(0, deadline - Date.now()))
    },
    kill: () => {
      over = true
      clearTimeout(timer)
      stopHealth()
      running?.kill()
    },
  }
}

const preStop = async (
  lifecycle: Lifecycle | undefined,
  exec: LiveContainer['exec'],
  graceMs: number,
): Promise<void> => {
  const hook = lifecycle?.preStop
  if (hook?.sleep !== undefined) await sleep(hook.sleep.seconds * 1000)
  if (hook?.exec !== undefined) await exec(hook.exec.command, graceMs)
}

const SIGNALS: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGTERM: 15,
}
const signalNumber = (name: NodeJS.Signals): number => SIGNALS[name] ?? 0
