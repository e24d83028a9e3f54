import { spawn } from 'node:child_process'
import { Fault } from '@sluice/kit/faults'
import type { RealAsked } from './real.ts'
import type { Role } from './rights.ts'

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
    const { code, out, said } = await run(root, args, asked === undefined ? '' : JSON.stringify(asked))
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

type Ended = { readonly code: number | null; readonly out: string; readonly said: string }

const run = (root: string, args: readonly string[], input: string): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['pipe', 'pipe', 'pipe'] })
    let [out, said] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      out += part
    })
    child.stderr.setEncoding('utf8').on('data', (part: string) => {
      said += part
    })
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, out, said }))
    // It may end without reading; its exit code says why.
    child.stdin.on('error', () => {})
    child.stdin.end(input)
  })
