import { Fault } from '@sluice/kit/faults'
import { runProgram } from './run-program.ts'

/**
 * Pushes an image of this machine's Node, for Dockerfiles to begin with, and gives its name with the digest; `undefined` where the machine's Node does not run in
 * a container: there Docker has to pull one.
 * @param root the checkout, whose script makes it
 */
export const nodeImage = async (root: string, host: string): Promise<string | undefined> => {
  if (process.platform !== 'linux') return undefined
  const repository = 'rehearsal/node'
  const args = ['scripts/node-image.ts', '--registry', `http://${host}`, '--repository', repository]
  const { code, out, said } = await runProgram(process.execPath, args, { cwd: root })
  if (code !== 0) throw new Fault('upstream', `The image of this machine's Node was not pushed: ${said.trim()}`)
  return `${host}/${repository}@${out.trim()}`
}
