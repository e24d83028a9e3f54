import { type ChildProcess, spawn } from 'node:child_process'

/** A program to start, with its variables and folder. */
export type Command = {
  readonly command: readonly string[]
  readonly cwd?: string
  readonly env: Readonly<Record<string, string>>
  output(text: string): void
}

/** How a process ended; `error` when it could not be started. */
export type Ended = { readonly code: number | null; readonly signal: NodeJS.Signals | null; readonly error?: string }

/** A process that was started, and the way to end it. */
export type Running = {
  readonly pid: number
  readonly ended: Promise<Ended>
  /** Signals the process; false when it is gone. */
  signal(name: NodeJS.Signals): boolean
  /** Ends the process and all it started, at once. */
  kill(): void
}

/** Starts processes, each in a group of its own, and sees to it that none outlives this process. */
export type Processes = { start(command: Command): Running; stop(): void }

// Runs in a process of its own: when this process dies, however it dies, its end of the pipe closes and the guard ends all groups.
const GUARD = `
const groups = new Set()
let rest = ''
process.stdin.setEncoding('utf8')
process.stdin.on('data', (text) => {
  const lines = (rest + text).split('\\n')
  rest = lines.pop()
  for (const line of lines) line[0] === '+' ? groups.add(Number(line.slice(1))) : groups.delete(Number(line.slice(1)))
})
process.stdin.on('close', () => {
  for (const group of groups) try { process.kill(-group, 'SIGKILL') } catch {}
  process.exit(0)
})
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => {})
`

/** Starts processes in groups of their own, under a guard that ends them all should this process die. */
export const createProcesses = (): Processes => {
  const guard = spawn(process.execPath, ['-e', GUARD], { detached: true, stdio: ['pipe', 'ignore', 'ignore'], env: {} })
  guard.unref()
  const pipe = guard.stdin
  pipe.on('error', () => undefined)
  if ('unref' in pipe && typeof pipe.unref === 'function') pipe.unref()
  const alive = new Set<Running>()
  return {
    start: (command) => {
      const child = spawn(command.command[0] ?? '', command.command.slice(1), {
        cwd: command.cwd,
        env: command.env,
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      if (child.pid !== undefined) pipe.write(`+${child.pid}\n`)
      const running = watched(child, command.output)
      alive.add(running)
      void running.ended.then(() => {
        alive.delete(running)
        // What the process started and left behind belongs to the container and ends with it.
        running.kill()
        if (child.pid !== undefined) pipe.write(`-${child.pid}\n`)
      })
      return running
    },
    stop: () => {
      for (const running of alive) running.kill()
      pipe.end()
    },
  }
}

const watched = (child: ChildProcess, output: (text: string) => void): Running => {
  child.stdout?.setEncoding('utf8').on('data', output)
  child.stderr?.setEncoding('utf8').on('data', output)
  const ended = new Promise<Ended>((resolve) => {
    child.once('error', (error) => {
      if (child.pid === undefined) resolve({ code: null, signal: null, error: error.message })
    })
    child.once('exit', (code, signal) => resolve({ code, signal }))
  })
  return {
    pid: child.pid ?? 0,
    ended,
    signal: (name) => child.kill(name),
    kill: () => {
      if (child.pid === undefined) return
      try {
        process.kill(-child.pid, 'SIGKILL')
      } catch {
        // The group is gone already.
      }
    },
  }
}
