import { spawn } from 'node:child_process'

/** What a finished process left: its exit code (1 when a signal ended it), and stdout and stderr in the order they came. */
export type Finished = { readonly code: number; readonly output: string }

/** Runs this same Node with the arguments and waits for it. `show` passes its output through as well. */
export const runNode = (
  args: readonly string[],
  options: { readonly cwd: string; readonly env?: NodeJS.ProcessEnv; readonly show?: boolean },
): Promise<Finished> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    const take = (chunk: Buffer): void => {
      output += chunk.toString()
      if (options.show) process.stdout.write(chunk)
    }
    child.stdout.on('data', take)
    child.stderr.on('data', take)
    child.on('error', reject)
    child.on('close', (code) => resolve({ code: code ?? 1, output }))
  })
