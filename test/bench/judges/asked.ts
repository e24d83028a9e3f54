import { parseArgs } from 'node:util'

/** What the command takes. */
export const USAGE = `usage: npm run bench:judges -- [options]

Plays simulated releases to the judges and writes judges.json, judges.svg and judges.md. Each part is kept in .cache/bench-judges as soon as it is done.

--quick          fewer releases and rates, under 5 minutes; printed, not written
--cells PATTERN  only cells whose name has it (a regular expression); printed, not written
--tuning         the cells that the judge's constants were chosen by; printed, not written
--resume         goes on where the last one of its kind was broken off
--table          plays nothing, only makes the page and its plot of judges.json
--workers 2      worker threads
--out DIR        writes there, in any case (docs/benchmarks for a whole run)
`

/** What a bench is asked for. */
export type Asked = {
  readonly quick: boolean
  readonly cells: RegExp | undefined
  readonly tuning: boolean
  readonly resume: boolean
  readonly table: boolean
  readonly workers: number
  readonly out: string | undefined
}

/** Reads the command line. A problem is one sentence with the option's name. */
export const askedOf = (args: readonly string[], folder: string): Asked | { readonly problem: string } => {
  const flag = { type: 'boolean', default: false } as const
  const text = { type: 'string' } as const
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        ...{ quick: flag, tuning: flag, resume: flag, table: flag },
        ...{ cells: text, out: text, workers: { ...text, default: '2' } },
      },
    })
    if (!/^[1-9]\d?$/.test(values.workers))
      return { problem: `--workers is a number from 1 to 99, not "${values.workers}"` }
    const part = !values.table && (values.quick || values.tuning || values.cells !== undefined)
    return {
      ...values,
      workers: Number(values.workers),
      cells: values.cells === undefined ? undefined : new RegExp(values.cells),
      out: values.out ?? (part ? undefined : folder),
    }
  } catch (thrown) {
    return { problem: thrown instanceof Error ? thrown.message : String(thrown) }
  }
}
