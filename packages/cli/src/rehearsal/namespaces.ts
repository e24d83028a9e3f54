import { Fault } from '@sluice/kit/faults'
import type { Cluster } from '@sluice/kubernetes/cluster'
import { pause } from './pause.ts'

/** The namespaces of one rehearsal on a cluster that others use too. */
export type Namespaces = {
  /** Makes one, once. @throws Fault('input') when somebody else's is there; Fault('upstream') when an old one does not go */
  claim(name: string): Promise<void>
  /** Removes them, with all that is in them, and waits until they are gone. */
  remove(): Promise<void>
}

/** Says whose a namespace is: the process of the rehearsal that made it, on this machine. What a rehearsal that was killed left, the next one removes. */
const OWNER = 'sluice.dev/rehearsal'
const NAMESPACES = { apiVersion: 'v1', resource: 'namespaces' } as const

/** How long the pods of a namespace may take to end, ms. */
const LONGEST = 120_000

/** Begins without any. @param title the cluster, as a sentence names it */
export const claimNamespaces = (cluster: Cluster, title: string): Namespaces => {
  const claimed = new Set<string>()
  const gone = async (name: string): Promise<boolean> => {
    for (const end = Date.now() + LONGEST; Date.now() < end; await pause(250))
      if ((await cluster.get(NAMESPACES, name)) === undefined) return true
    return false
  }
  const late = (name: string): Fault =>
    new Fault('upstream', `The namespace ${name} of ${title} is not gone after ${LONGEST / 1000} s`)
  return {
    claim: async (name) => {
      if (claimed.has(name)) return
      const live = await cluster.get(NAMESPACES, name)
      if (live !== undefined) {
        const problem = problemWith(name, live.metadata.labels?.[OWNER], title)
        if (problem !== undefined) throw problem
        await cluster.remove(NAMESPACES, name)
        if (!(await gone(name))) throw late(name)
      }
      claimed.add(name)
      const labels = { [OWNER]: String(process.pid) }
      const object = { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } }
      if ((await cluster.create(NAMESPACES, object)).kind === 'written') return
      claimed.delete(name)
      throw new Fault('input', `Somebody else made the namespace ${name} of ${title} at this very moment`)
    },
    remove: async () => {
      const names = [...claimed]
      claimed.clear()
      await Promise.all(names.map((name) => cluster.remove(NAMESPACES, name)))
      for (const name of names) if (!(await gone(name))) throw late(name)
    },
  }
}

const problemWith = (name: string, owner: string | undefined, title: string): Fault | undefined => {
  if (owner === undefined)
    return new Fault(
      'input',
      `The namespace ${name} is in ${title} already, and no rehearsal made it`,
      `A rehearsal makes its namespaces and removes them at its end. Delete this one if nobody needs it, or take another cluster with --cluster=NAME.`,
    )
  return lives(Number(owner))
    ? new Fault(
        'input',
        `Another rehearsal (process ${owner}) uses the namespace ${name} of ${title}`,
        'Let it end first, or take another cluster with --cluster=NAME.',
      )
    : undefined
}

const lives = (pid: number): boolean => {
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === 'EPERM'
  }
}
