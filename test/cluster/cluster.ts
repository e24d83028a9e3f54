import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { standing } from './box.ts'
import { choose } from './can.ts'
import { locked } from './lock.ts'
import { describeCluster, makeAccount, pushProgram } from './orders.ts'
import { pathsOf, say } from './paths.ts'
import { down, programsOf, up } from './up.ts'

const USAGE = `usage: npm run cluster -- up | down | status | kubeconfig | can [--name NAME]

up          brings a real Kubernetes up, or finds that it stands: built from Go modules the first time, or, with
            SLUICE_CLUSTER_PROVIDER=kind, in a container of Docker
down        ends it and takes away all it left
status      which of its programs run
kubeconfig  prints an administrator's kubeconfig
can         says what keeps a cluster from running here, and ends with 0 when nothing does

For other programs, JSON on stdout, and on stdin what is asked (orders.ts):
describe    how it is reached: kubeconfig, gateway, registry
image       makes an image of a program of Node, pushes it, and gives its digest
account     makes a service account with Roles, and gives its kubeconfig
`

/** Says why there can be none. */
const told = (lacking: readonly string[]): number => {
  for (const line of lacking) say(line)
  return 1
}

const main = async (args: readonly string[]): Promise<number> => {
  const [order = '', ...rest] = args
  const paths = pathsOf(rest[0] === '--name' ? rest[1] : undefined)
  switch (order) {
    case 'up': {
      const provider = choose(process.env)
      if (typeof provider !== 'string') return told(provider.lacking)
      const { address } = await locked(paths, () => up(paths, provider))
      say(`it stands: web http://${address}:8000, kubeconfig ${join(paths.run, 'kubeconfig')}`)
      return 0
    }
    case 'can': {
      const provider = choose(process.env)
      return typeof provider === 'string' ? 0 : told(provider.lacking)
    }
    case 'down':
      // Another user has another cache: nothing would be found there, and nothing said.
      if (process.getuid?.() !== 0) return told(['`down` needs root, as `up` did'])
      await locked(paths, () => down(paths))
      say('it is gone')
      return 0
    case 'status': {
      if (standing(paths) === undefined) {
        say('it is not there')
        return 1
      }
      const running = await programsOf(paths)
      for (const { name, ready, pid } of running)
        process.stdout.write(`${name} ${ready ? 'ready' : pid === undefined ? 'down' : 'starting'}\n`)
      return running.length > 0 && running.every(({ ready }) => ready) ? 0 : 1
    }
    case 'kubeconfig': {
      const path = join(paths.run, 'kubeconfig')
      if (standing(paths) === undefined || !existsSync(path)) {
        say('it is not there: `npm run cluster -- up` first')
        return 1
      }
      process.stdout.write(readFileSync(path, 'utf8'))
      return 0
    }
    case 'describe':
    case 'image':
    case 'account': {
      const box = standing(paths)
      const described = box && describeCluster(paths, box)
      if (box === undefined || described === undefined) {
        say('it is not there: `npm run cluster -- up` first')
        return 1
      }
      const asked = () => JSON.parse(readFileSync(0, 'utf8'))
      const made = {
        describe: () => described,
        image: () => pushProgram(paths, box, asked()),
        account: () => makeAccount(paths, box, asked()),
      }
      process.stdout.write(`${JSON.stringify(await made[order]())}\n`)
      return 0
    }
    default:
      process.stderr.write(USAGE)
      return 2
  }
}

process.exitCode = await main(process.argv.slice(2))
