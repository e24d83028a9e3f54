import { spawn } from 'node:child_process'

/** How a program ended: `code` is null after a signal, `problem` is why it never started. */
export type Ended = {
  readonly code: number | null
  readonly out: string
  readonly said: string
  readonly problem?: NodeJS.ErrnoException
}

/** Runs a program to its end, with a text as its standard input. It may end without reading that; its exit code says why. */
export const runProgram = (
  command: string,
  args: readonly string[],
  {
    input = '',
    ...options
  }: {
    readonly cwd?: string
    readonly env?: NodeJS.ProcessEnv
    readonly timeout?: number
    readonly input?: string
  } = {},
): Promise<Ended> =>
  new Promise((resolve) => {
    const child = spawn(command, [...args], { ...options, stdio: ['pipe', 'pipe', 'pipe'] })
    let [out, said] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      out += part
    })
    child.stderr.setEncoding('utf8').on('data', (part: string) => {
      said += part
    })
    child.once('error', (problem) => resolve({ code: null, out, said, problem }))
    child.once('close', (code) => resolve({ code, out, said }))
    child.stdin.on('error', () => {})
    child.stdin.end(input)
  })
