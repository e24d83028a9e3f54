import { Fault } from '@sluice/kit/faults'
import type { RealAsked } from './real.ts'
import type { Role } from './rights.ts'
import { runProgram } from './run-program.ts'

/** A real cluster of this checkout, by the process that knows it: what `npm run cluster` offers other programs. */
export type ClusterProcess = {
  /** @throws Fault('input') with the command that brings one up, where none stands */
  describe(): Promise<{
    readonly name: string
    readonly kubeconfig: string
    readonly web: { readonly url: string; readonly port: number; readonly gatewayClass: string }
    readonly registry: string
  }>
  /** Makes and pushes an image of a program of Node. */
  image(asked: Program & { readonly repository: string }): Promise<{ readonly digest: `sha256:${string}` }>
  /** Makes a service account, and a kubeconfig with a token of so many seconds. */
  account(asked: {
    readonly namespace: string
    readonly name: string
    readonly roles: readonly Role[]
    readonly seconds: number
  }): Promise<{ readonly kubeconfig: string }>
}

/** Files of a folder, and what is started among them. */
export type Program = {
  readonly folder: string
  readonly files: readonly string[]
  readonly command: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly ports: readonly number[]
}

/** Each order is a process of its own, so the cluster's tools are loaded only by who uses a cluster. What is secret goes through pipes. */
export const clusterProcess = ({ root, name }: RealAsked): ClusterProcess => {
  const order = async <T>(what: string, asked?: unknown): Promise<T> => {
    const args = ['test/cluster/cluster.ts', what, ...(name === '' ? [] : ['--name', name])]
    const input = asked === undefined ? '' : JSON.stringify(asked)
    const { code, out, said, problem } = await runProgram(process.execPath, args, { cwd: root, input })
    if (problem !== undefined) throw problem
    if (code === 0) return JSON.parse(out) as T
    if (what === 'describe') throw notThere(name, said)
    throw new Fault('upstream', `The real cluster did not do what was asked (${what}): ${reasonIn(said)}`)
  }
  return {
    describe: () => order('describe'),
    image: (asked) => order('image', asked),
    account: (asked) => order('account', asked),
  }
}

const notThere = (name: string, said: string): Fault =>
  new Fault(
    'input',
    `--cluster: ${said.trim()}`,
    `Bring one up with \`npm run cluster -- up${name === '' ? '' : ` --name ${name}`}\`: seconds, once it was built.`,
  )

/** What a program that ended with an error of its own said, without where in it that was. */
const reasonIn = (said: string): string => /^\w*Error: (.*)$/m.exec(said)?.[1] ?? said.trim().slice(-2_000)
