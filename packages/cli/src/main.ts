import { join } from 'node:path'
import { describe, Fault } from '@sluice/kit/faults'
import { VERSION } from '@sluice/kit/run'
import { readActions } from './actions.ts'
import { parseArguments } from './arguments.ts'
import { callAction } from './call.ts'
import { help } from './help.ts'

/** The command line: exit code 0 for success, 1 for a red verdict or a failed claim, 2 for a command or a file that cannot be understood. */
const main = async (): Promise<number> => {
  const root = join(import.meta.dirname, '../../..')
  const actions = readActions(root)
  const command = parseArguments(
    process.argv.slice(2),
    actions.map(({ name, inputs }) => ({ name, inputs: inputs.map((input) => input.name) })),
  )
  if (command.kind === 'help') {
    process.stdout.write(`${help(actions, command.of)}\n`)
    return 0
  }
  if (command.kind === 'version') {
    process.stdout.write(`${VERSION}\n`)
    return 0
  }
  if (command.kind === 'action') return callAction(actions, command, process.env)
  if (command.kind === 'judge') {
    const { judgeFile } = await import('./judge/judge.ts')
    return judgeFile(command.options)
  }
  // Loaded only when it is asked for: a cluster and a local GitHub come with it.
  const { rehearse } = await import('./rehearsal/rehearse.ts')
  return rehearse(root, actions, command.options)
}

// Who reads the answer may have read enough, as `head` does.
process.stdout.on('error', (thrown: NodeJS.ErrnoException) => {
  if (thrown.code !== 'EPIPE') throw thrown
})

main().then(
  (code) => {
    // Interrupted: what was cut off may still wait for an answer that will not come.
    if (code > 128) process.exit(code)
    process.exitCode = code
  },
  (thrown: unknown) => {
    const known = thrown instanceof Fault
    process.stderr.write(
      `sluice: ${known ? describe(thrown) : thrown instanceof Error ? thrown.stack : String(thrown)}\n`,
    )
    process.exitCode = known && thrown.kind === 'input' ? 2 : 1
  },
)
