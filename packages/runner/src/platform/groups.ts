import { admit, type Concurrency, type Group, leave } from '../language/concurrency.ts'

/** A job or run that wants to be the only one of its group. */
export type Entrant = Concurrency & {
  /** The run, then its jobs from the called workflows down; a run itself has only the first. What lies inside the holder of a group can never get it. */
  readonly path: readonly string[]
  /** Ends the wait; its reason is a sentence. */
  readonly ended: AbortSignal
  /** Is told, while it runs, that a newer one takes its place. */
  readonly cancel: (why: string) => void
}

/** How a wait for a group ended. */
export type Entry =
  | { readonly kind: 'entered'; readonly leave: () => void }
  | { readonly kind: 'cancelled'; readonly why: string }

/** The concurrency groups of a repository, over all its runs. */
export type Groups = {
  /** @param pending is told once when somebody else holds the group */
  readonly enter: (entrant: Entrant, pending: () => void) => Promise<Entry>
}

/**
 * Keeps the groups and lets those who wait go on. Who runs, waits and is cancelled is decided by `admit`; the words of the annotations are GitHub's own.
 * Source: docs.github.com, "Control the concurrency of workflows and jobs"
 */
export const concurrencyGroups = (): Groups => {
  const groups = new Map<string, Group>()
  const members = new Map<string, Member>()
  let entered = 0
  const settle = (name: string, group: Group): void => {
    groups.set(name, group)
    const member = group.running === undefined ? undefined : members.get(group.running)
    member?.start()
  }
  const go = (name: string, id: string): void => {
    members.delete(id)
    settle(name, leave(groups.get(name) ?? EMPTY, id))
  }
  return {
    enter: (entrant, pending) => {
      const { group: name, path, ended } = entrant
      if (ended.aborted) return Promise.resolve({ kind: 'cancelled', why: sentence(ended) })
      const before = groups.get(name) ?? EMPTY
      const holder = members.get(before.running ?? '')?.entrant
      if (holder && isInside(path, holder.path))
        return Promise.resolve({ kind: 'cancelled', why: deadlock(entrant, holder) })
      entered += 1
      const id = String(entered)
      const { group, cancel } = admit(before, { ...entrant, id })
      return new Promise((resolve) => {
        const giveUp = (): void => {
          resolve({ kind: 'cancelled', why: sentence(ended) })
          go(name, id)
        }
        let waits = true
        members.set(id, {
          entrant,
          start: () => {
            if (!waits) return
            waits = false
            ended.removeEventListener('abort', giveUp)
            // Not at once: the end of one job may be what cancels those that wait.
            resolve({ kind: 'entered', leave: () => void setImmediate(() => go(name, id)) })
          },
          cancel: (why) => {
            if (!waits) return entrant.cancel(why)
            ended.removeEventListener('abort', giveUp)
            members.delete(id)
            resolve({ kind: 'cancelled', why })
          },
        })
        ended.addEventListener('abort', giveUp, { once: true })
        settle(name, group)
        if (group.pending.includes(id)) pending()
        for (const other of cancel) members.get(other)?.cancel(other === id ? full(entrant) : replaced(entrant))
      })
    },
  }
}

type Member = { readonly entrant: Entrant; readonly start: () => void; readonly cancel: (why: string) => void }

const EMPTY: Group = { running: undefined, pending: [] }

const isInside = (path: readonly string[], holder: readonly string[]): boolean =>
  holder.length <= path.length && holder.every((part, index) => part === path[index])

const replaced = ({ group }: Entrant): string => `Canceling since a higher priority waiting request for ${group} exists`
const full = ({ group }: Entrant): string => `Canceling since the queue of ${group} is full`

/** Source: the annotations quoted in rhysd/actionlint#538 and LearningCircuit/local-deep-research#4787 */
const deadlock = ({ group, path }: Entrant, holder: Entrant): string => {
  const name = (ids: readonly string[]): string =>
    ids.length < 2 ? 'a top level workflow' : `'${ids.slice(1).join(' / ')}'`
  return `Canceling since a deadlock was detected for concurrency group: '${group}' between ${name(holder.path)} and ${name(path)}`
}

const sentence = ({ reason }: AbortSignal): string =>
  typeof reason === 'string' ? reason : 'The operation was canceled.'
