import { spawn } from 'node:child_process'

/** How a command ended, and all it said on both outputs. */
export type Told = { readonly code: number | null; readonly said: string }

/** Runs a command beside this process, so that a proxy in it can answer meanwhile. */
export const run = (
  command: string,
  args: readonly string[],
  { env, input = '' }: { readonly env: Readonly<Record<string, string>>; readonly input?: string },
): Promise<Told> =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, stdio: ['pipe', 'pipe', 'pipe'] })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => (said += part.toString()))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, said }))
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
  })
