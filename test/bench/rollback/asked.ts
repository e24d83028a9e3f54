import { parseArgs } from 'node:util'
import { type Counts, SCENES, type SceneName, TOOLS, type Tool } from './scenes.ts'

/** What the command takes. */
export const USAGE = `usage: npm run bench:rollback -- [options]

Races this project, Argo Rollouts (two settings) and Flagger on the cluster of test/cluster. Every round is kept at once in
rollback.json, and rollback.md is made of that: started again, the race goes on where it stopped.

--rounds 15   rounds of each tool for a release with 20 % errors
--others 5    for each other bad release
--healthy 5   for each healthy release
--lanes 4     rounds at a time, each in a namespace of its own
--tools a,b   only these: ${TOOLS.join(', ')}
--scenes a,b  only these: ${Object.keys(SCENES).join(', ')}
--out DIR     where the two files are (docs/benchmarks)
--trial       marks the figures as good for nothing
--table       only makes the page anew
--remark TEXT what a reader of the figures has to know, kept with them
SLUICE_FROM_SOURCE=1 runs this project from its source instead of its bundle; SLUICE_CLUSTER=NAME races on another cluster.
`

/** What a race is asked for; `out`: the folder of its two files. */
export type Asked = {
  readonly counts: Counts
  readonly lanes: number
  readonly tools: readonly Tool[]
  readonly scenes: readonly SceneName[]
  readonly out: string
  readonly trial: boolean
  readonly table: boolean
  readonly remark?: string
}

/** Reads the command line. A problem is one sentence with the option's name. */
export const askedOf = (args: readonly string[], folder: string): Asked | { readonly problem: string } => {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean', default: false } as const
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        ...{
          rounds: { ...text, default: '15' },
          others: { ...text, default: '5' },
          healthy: { ...text, default: '5' },
          lanes: { ...text, default: '4' },
        },
        ...{
          tools: { ...text, default: TOOLS.join(',') },
          scenes: { ...text, default: Object.keys(SCENES).join(',') },
        },
        ...{ out: { ...text, default: folder }, trial: flag, table: flag, remark: text },
      },
    })
    const count = (name: 'rounds' | 'others' | 'healthy' | 'lanes'): number => {
      if (!/^\d{1,4}$/.test(values[name])) throw new Error(`--${name} is a number of rounds, not "${values[name]}"`)
      return Number(values[name])
    }
    if (count('lanes') === 0) throw new Error('--lanes is 1 or more')
    return {
      lanes: count('lanes'),
      counts: { rounds: count('rounds'), others: count('others'), healthy: count('healthy') },
      tools: among('tools', values.tools, TOOLS),
      scenes: among('scenes', values.scenes, Object.keys(SCENES) as SceneName[]),
      out: values.out,
      trial: values.trial,
      table: values.table,
      ...(values.remark === undefined ? {} : { remark: values.remark }),
    }
  } catch (thrown) {
    return { problem: thrown instanceof Error ? thrown.message : String(thrown) }
  }
}

const among = <Name extends string>(option: string, text: string, known: readonly Name[]): readonly Name[] => {
  const strange = text.split(',').filter((name) => !(known as readonly string[]).includes(name))
  if (strange.length > 0) throw new Error(`--${option} knows ${known.join(', ')}, not "${strange.join(', ')}"`)
  return known.filter((name) => text.split(',').includes(name))
}
