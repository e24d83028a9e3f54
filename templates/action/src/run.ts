import type { Inputs } from './inputs.ts'
import { judge, type Verdict } from './verdict.ts'

/** What the action needs of the world. */
export type Ports = {
  /** The file's size in bytes; `undefined` when there is none. @throws Fault('input') when it is no file or may not be read */
  size(path: string): Promise<number | undefined>
  say(line: string): void
}

/** The order of events: look, then judge. */
export const run = async (inputs: Inputs, ports: Ports): Promise<Verdict> => {
  ports.say(`Looking at ${inputs.path}`)
  return judge(await ports.size(inputs.path), inputs['max-bytes'])
}
