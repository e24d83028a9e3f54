import { Fault } from '@sluice/kit/faults'
import { unknownName } from '@sluice/kit/nearest'
import { faultOf, readFlags } from './flags.ts'

/** What can go wrong with the second release of a rehearsal; `none` is a second good one. */
export const FAULTS = ['errors', 'latency', 'crash', 'hang', 'never-ready', 'outage', 'none'] as const

/** The name of one of them. */
export type FaultName = (typeof FAULTS)[number]

/**
 * What is done to the second release's run. `cancel`: what GitHub's Cancel button does; `kill-once`: the canary's machine dies; `kill-twice`: that of the
 * recovery too; `refuse`: the reviewer says no, so that it never comes to a canary.
 */
export type Act = 'none' | 'cancel' | 'kill-once' | 'kill-twice' | 'refuse'

/**
 * How to rehearse. `second`: the second release only; `fromSource`: the actions' sources instead of their bundles; `report`: the folder it goes to.
 */
export type RehearseOptions = {
  readonly fault: FaultName
  readonly act: Act
  readonly json: boolean
  readonly live: boolean
  readonly fromSource: boolean
  /** Only the second release, on top of the first one. For measuring, and when only the failure path is of interest. */
  readonly second: boolean
  /** A folder with a sluice.yml; absent: the one that the working folder is in, else this checkout's example. */
  readonly repository: string | undefined
  /** A service of that file; empty: the only one that is released to production. */
  readonly service: string
  readonly report: string
  readonly seed: number
  /** A real cluster of this checkout instead of the embedded one, by its name; empty for the one that is meant when none is named. */
  readonly cluster: string | undefined
  /** Whether deliver.yml builds the images, with the Docker of this machine. */
  readonly docker: boolean
  /** The registry that they go to, as `host:port`; absent: the cluster's, or one that is started. */
  readonly registry: string | undefined
}

/** What answers `sluice judge`: this project's judge, or as one of the others would. */
export const JUDGES = ['sluice', 'kayenta', 'threshold'] as const

/**
 * What to judge again. `file`: a path, or - for standard input. `compatible`: with the faults of the original. `format`: of standard output; absent:
 * text on a terminal, else JSON. `page`: where the HTML page goes.
 */
export type JudgeOptions = {
  readonly file: string
  readonly judge: (typeof JUDGES)[number]
  readonly compatible: boolean
  readonly format: 'json' | 'text' | undefined
  readonly page: string | undefined
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
  | { readonly kind: 'judge'; readonly options: JudgeOptions }
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
  if (word === 'judge') return { kind: 'judge', options: judgeOptions(rest) }
  const call = word === 'status' ? { action: 'canary-promote', fixed: { mode: 'status' } } : { action: word, fixed: {} }
  const action = actions.find(({ name }) => name === call.action)
  if (action === undefined) {
    const words = ['rehearse', 'judge', 'status', 'help', 'version', ...actions.map(({ name }) => name)]
    throw new Fault('input', unknownName('command', word, words), 'Run `sluice help` for what there is.')
  }
  const own = { 'from-source': 'switch', summary: 'value' } as const
  const { values } = readFlags(rest, {
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

const JUDGE = { judge: 'value', compatible: 'switch', format: 'value', page: 'value' } as const

const judgeOptions = (argv: readonly string[]): JudgeOptions => {
  const { values, words } = readFlags(argv, JUDGE, 1)
  const problems: string[] = []
  const [file] = words
  const judge = JUDGES.find((name) => name === (values.judge ?? 'sluice'))
  const format = (['json', 'text'] as const).find((name) => name === values.format)
  const compatible = values.compatible === 'true'
  if (file === undefined) problems.push('sluice judge needs a file: sluice judge FILE, or - for standard input')
  if (judge === undefined) problems.push(`--judge: ${unknownName('judge', values.judge ?? '', JUDGES)}`)
  if (values.format !== undefined && format === undefined)
    problems.push(`--format is json or text, not "${values.format}"`)
  if (values.page === '') problems.push('--page must name a file')
  if (compatible && judge !== 'kayenta')
    problems.push('--compatible restores faults of Kayenta’s judge: use it with --judge kayenta')
  if (file === undefined || judge === undefined || problems.length > 0) throw faultOf(problems)
  return { file, judge, compatible, format, page: values.page }
}

/** The flags of `sluice rehearse`, with what they are when left out. */
const REHEARSE = {
  fault: 'value',
  cancel: 'switch',
  'kill-runner': 'optional',
  kill: 'switch',
  approve: 'value',
  repository: 'value',
  service: 'value',
  json: 'switch',
  live: 'switch',
  report: 'value',
  seed: 'value',
  'from-source': 'switch',
  'second-only': 'switch',
  cluster: 'optional',
  'with-docker': 'switch',
  registry: 'value',
} as const

const rehearseOptions = (argv: readonly string[]): RehearseOptions => {
  const { values } = readFlags(argv, REHEARSE)
  const problems: string[] = []
  const seed = Number(values.seed ?? '1')
  if (!/^\d{1,9}$/.test(values.seed ?? '1')) problems.push(`--seed must be a whole number, not "${values.seed}"`)
  if (values.report === '') problems.push('--report must name a folder')
  if (values.repository === '') problems.push('--repository must name a folder with a sluice.yml')
  const acts = actsOf(values, problems)
  const [act = 'none', another] = acts
  // What is done to a run shows best on a release that nothing else would take back.
  const fault = FAULTS.find((name) => name === (values.fault ?? (act === 'none' ? 'errors' : 'none')))
  if (fault === undefined) problems.push(`--fault: ${unknownName('fault', values.fault ?? '', FAULTS)}`)
  if (another !== undefined) problems.push('--cancel, --kill-runner and --approve no are one at a time')
  if (act !== 'none' && fault === 'never-ready' && act !== 'refuse')
    problems.push('--fault never-ready gives the canary no traffic, so there is no such moment to cancel or kill it in')
  const cluster = clusterOf(values, problems)
  if (cluster !== undefined && fault === 'outage')
    problems.push(
      '--fault outage is not for --cluster: what it breaks is a file of this machine, which no pod of a real cluster sees. Leave --cluster out for it',
    )
  if (cluster !== undefined && values.repository !== undefined)
    problems.push(
      '--cluster rehearses the example of this checkout, which it can make an image of; --repository is for the embedded cluster',
    )
  const docker = values['with-docker'] === 'true'
  problems.push(...registryProblems(values.registry, docker, cluster))
  if (fault === undefined || problems.length > 0) throw faultOf(problems)
  return {
    fault,
    seed,
    act,
    cluster,
    docker,
    registry: values.registry,
    json: values.json === 'true',
    live: values.live !== 'false' && values.json !== 'true',
    fromSource: values['from-source'] === 'true',
    // A refused release shows all it can show by itself.
    second: values['second-only'] === 'true' || act === 'refuse',
    repository: values.repository,
    service: values.service ?? '',
    report: values.report ?? '.sluice/rehearsal',
  }
}

const registryProblems = (
  registry: string | undefined,
  docker: boolean,
  cluster: string | undefined,
): readonly string[] => {
  if (registry === undefined) return []
  if (!docker) return ['--registry is where --with-docker pushes to: give both']
  if (cluster !== undefined)
    return ["--registry is for the embedded cluster: pods of a real one pull from the cluster's own"]
  return /^[a-z0-9.-]+:\d{1,5}$/.test(registry)
    ? []
    : [`--registry is a host and a port, such as 127.0.0.1:5000, not "${registry}"`]
}

/** `--cluster` alone is the cluster that is meant when none is named. */
const clusterOf = (values: Readonly<Record<string, string>>, problems: string[]): string | undefined => {
  const { cluster = 'false' } = values
  if (!/^[a-z][a-z0-9-]{0,15}$/.test(cluster))
    problems.push(
      `--cluster stands alone, or is the name of a cluster as \`npm run cluster\` takes it, not "${cluster}"`,
    )
  if (cluster === 'false') return undefined
  return cluster === 'true' ? '' : cluster
}

const actsOf = (values: Readonly<Record<string, string>>, problems: string[]): readonly Act[] => {
  const killed = values['kill-runner'] ?? values.kill ?? 'false'
  if (!['true', 'false', 'once', 'twice'].includes(killed))
    problems.push(`--kill-runner stands alone, or is once or twice, not "${killed}"`)
  const { approve = 'yes' } = values
  if (!['yes', 'no'].includes(approve)) problems.push(`--approve is yes or no, not "${approve}"`)
  return [
    ...(values.cancel === 'true' ? (['cancel'] as const) : []),
    ...(killed === 'false' ? [] : [killed === 'once' ? ('kill-once' as const) : ('kill-twice' as const)]),
    ...(approve === 'no' ? (['refuse'] as const) : []),
  ]
}
