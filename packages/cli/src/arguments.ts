import { Fault } from '@sluice/kit/faults'
import { unknownName } from '@sluice/kit/nearest'

/** What can go wrong with the second release of a rehearsal; `none` is a second good one. */
export const FAULTS = ['errors', 'latency', 'crash', 'hang', 'never-ready', 'outage', 'none'] as const

/** The name of one of them. */
export type FaultName = (typeof FAULTS)[number]

/**
 * How to rehearse. `second`: the second release only; `fromSource`: the actions' sources instead of their bundles; `report`: the folder it goes to.
 */
export type RehearseOptions = {
  readonly fault: FaultName
  readonly kill: boolean
  readonly json: boolean
  readonly live: boolean
  readonly fromSource: boolean
  /** Only the second release: the first one is deployed and left as it is. For measuring. */
  readonly second: boolean
  readonly report: string
  readonly seed: number
}

/** One action to run, with the inputs that were given; `summary` is the file that the job summary goes to. */
export type ActionCall = {
  readonly kind: 'action'
  readonly action: string
  readonly given: Readonly<Record<string, string>>
  readonly fromSource: boolean
  /** A file that gets the Markdown summary. */
  readonly summary: string | undefined
}

/** What a command line asks for. */
export type Command =
  | { readonly kind: 'help'; readonly of: string | undefined }
  | { readonly kind: 'version' }
  | { readonly kind: 'rehearse'; readonly options: RehearseOptions }
  | ActionCall

/** The names of an action and of its inputs, as its action.yml has them. */
export type Known = { readonly name: string; readonly inputs: readonly string[] }

/**
 * Reads the command line. Flags take `--name value` or `--name=value`; yes-or-no flags stand alone, `--no-name` switches off.
 * @throws Fault('input') with every mistake at once, an unknown flag with the nearest known one
 */
export const parseArguments = (argv: readonly string[], actions: readonly Known[]): Command => {
  const [word, ...rest] = argv
  if (word === undefined || word === 'help' || word === '--help' || word === '-h') return { kind: 'help', of: rest[0] }
  if (word === 'version' || word === '--version') return { kind: 'version' }
  if (rest.includes('--help') || rest.includes('-h')) return { kind: 'help', of: word }
  if (word === 'rehearse') return { kind: 'rehearse', options: rehearseOptions(rest) }
  const call = word === 'status' ? { action: 'canary-promote', fixed: { mode: 'status' } } : { action: word, fixed: {} }
  const action = actions.find(({ name }) => name === call.action)
  if (action === undefined) {
    const words = ['rehearse', 'status', 'help', 'version', ...actions.map(({ name }) => name)]
    throw new Fault('input', unknownName('command', word, words), 'Run `sluice help` for what there is.')
  }
  const own = { 'from-source': 'switch', summary: 'value' } as const
  const values = readFlags(rest, {
    ...Object.fromEntries(action.inputs.map((name) => [name, 'value' as const])),
    ...own,
  })
  const given = Object.entries(values).filter(([name]) => !(name in own) || action.inputs.includes(name))
  return {
    kind: 'action',
    action: action.name,
    given: { ...Object.fromEntries(given), ...call.fixed },
    fromSource: values['from-source'] === 'true',
    summary: values.summary,
  }
}

/** The flags of `sluice rehearse`, with what they are when left out. */
const REHEARSE = {
  fault: 'value',
  kill: 'switch',
  json: 'switch',
  live: 'switch',
  report: 'value',
  seed: 'value',
  'from-source': 'switch',
  'second-only': 'switch',
} as const

const rehearseOptions = (argv: readonly string[]): RehearseOptions => {
  const values = readFlags(argv, REHEARSE)
  const problems: string[] = []
  const fault = FAULTS.find((name) => name === (values.fault ?? 'errors'))
  if (fault === undefined) problems.push(`--fault: ${unknownName('fault', values.fault ?? '', FAULTS)}`)
  const seed = Number(values.seed ?? '1')
  if (!/^\d{1,9}$/.test(values.seed ?? '1')) problems.push(`--seed must be a whole number, not "${values.seed}"`)
  if (values.report === '') problems.push('--report must name a folder')
  if (fault === undefined || problems.length > 0) throw faultOf(problems)
  return {
    fault,
    seed,
    kill: values.kill === 'true',
    json: values.json === 'true',
    live: values.live !== 'false' && values.json !== 'true',
    fromSource: values['from-source'] === 'true',
    second: values['second-only'] === 'true',
    report: values.report ?? '.sluice/rehearsal',
  }
}

type Kinds = Readonly<Record<string, 'switch' | 'value'>>

const readFlags = (argv: readonly string[], kinds: Kinds): Readonly<Record<string, string>> => {
  const values: Record<string, string> = {}
  const problems: string[] = []
  const names = Object.keys(kinds).map((name) => `--${name}`)
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? ''
    const [flag = '', ...tail] = word.split('=')
    const off = flag.startsWith('--no-') && kinds[flag.slice(5)] === 'switch'
    const name = off ? flag.slice(5) : flag.slice(2)
    const kind = flag.startsWith('--') && Object.hasOwn(kinds, name) ? kinds[name] : undefined
    if (kind === undefined) {
      problems.push(
        word.startsWith('-') ? unknownName('flag', flag, names) : `unexpected "${word}"; flags are --name value`,
      )
      // What follows an unknown flag is most likely its value, and no mistake of its own.
      if (word.startsWith('-') && tail.length === 0 && argv[at + 1]?.startsWith('-') === false) at++
      continue
    }
    if (Object.hasOwn(values, name)) problems.push(`--${name} is given twice`)
    if (kind === 'switch') {
      if (tail.length > 0) problems.push(`${flag} stands alone, without a value`)
      values[name] = off ? 'false' : 'true'
    } else if (tail.length > 0) {
      values[name] = tail.join('=')
    } else if (at + 1 < argv.length && !argv[at + 1]?.startsWith('--')) {
      values[name] = argv[++at] ?? ''
    } else {
      problems.push(`${flag} needs a value; write ${flag}=… for one that begins with --`)
    }
  }
  if (problems.length > 0) throw faultOf(problems)
  return values
}

const faultOf = (problems: readonly string[]): Fault => new Fault('input', problems.join('\n'))
