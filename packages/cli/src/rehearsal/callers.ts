import { parse, stringify } from 'yaml'

/** The workflow files of a rehearsal's repository by path, what of them is not the user's own, and what to add for good. */
export type Callers = {
  readonly files: Readonly<Record<string, string>>
  /** The branch that is pushed to. */
  readonly branch: string
  /** The file whose push is the delivery, by its name. */
  readonly deliver: string
  /** The file that ends what nobody watches. */
  readonly reap: string
  /** The `owner/name` that the workflows are called from. */
  readonly publisher: string
  readonly said: readonly string[]
  /** A caller for a repository that has none: what to add as `.github/workflows/deliver.yml`. Empty when there is one. */
  readonly advice: string
}

/** What a caller is made for. `file` is sluice.yml's path. */
export type Wanted = {
  readonly service: string
  readonly branch: string
  /** Who publishes the workflows, where no caller says so. */
  readonly publisher: string
  /** Whether deliver.yml builds the image here, rather than being given its digest. */
  readonly builds: boolean
  /** Whether it could in life: sluice.yml says how. */
  readonly packaged: boolean
}

const FOLDER = '.github/workflows'

/**
 * The workflows that a rehearsal runs. Of the user's own only the job that calls `deliver.yml` is taken, as it is written: what other jobs do, such as
 * pushing an image, is not a laptop's to repeat. In place of what builds the image stands a job that gives the digest of the release that the commit is, unless
 * `deliver.yml` is to build it. A file that says just that stays as it is, byte for byte.
 * @param own workflow files by path; those that do not parse are passed over
 */
export const callersOf = (own: Readonly<Record<string, string>>, wanted: Wanted): Callers => {
  const found = callOf(own, 'deliver')
  const reap = callOf(own, 'reap')
  const publisher = found?.publisher ?? wanted.publisher
  const whole = found !== undefined && isWhole(found, wanted)
  const deliver = found?.name ?? 'deliver.yml'
  const job = found?.job ?? generatedJob(wanted)
  return {
    files: {
      ...(wanted.builds ? {} : { [`${FOLDER}/${PACKAGE}`]: PACKAGING }),
      [`${FOLDER}/${deliver}`]: whole ? found.text : rebuilt(job, wanted),
      [`${FOLDER}/${reap?.name ?? 'reap.yml'}`]:
        reap !== undefined && isWholeReap(reap)
          ? reap.text
          : reapCaller(reap?.job ?? { ...job, uses: workflow(publisher, 'reap') }),
    },
    branch: (whole ? branchOf(found.text) : undefined) ?? wanted.branch,
    deliver,
    reap: reap?.name ?? 'reap.yml',
    publisher,
    said: [said({ found: found !== undefined, whole, deliver }, wanted)],
    advice: found === undefined ? adviceOf(wanted) : '',
  }
}

type Taken = { readonly found: boolean; readonly whole: boolean; readonly deliver: string }

const said = ({ found, whole, deliver }: Taken, { builds }: Wanted): string => {
  const taken = !found
    ? 'There is no workflow that calls deliver.yml: one was written, as you would add it.'
    : whole
      ? `${FOLDER}/${deliver} runs as it is.`
      : `Of ${FOLDER}/${deliver} the job that calls deliver.yml is taken, and nothing else of it runs.`
  return builds
    ? `${taken} It gives no digest: deliver.yml builds the image and pushes it.`
    : `${taken} It takes a prebuilt image: no image is built, and ${FOLDER}/${PACKAGE} gives the digest of the release that the commit is.`
}

type Job = { readonly uses?: string; readonly needs?: unknown; readonly with?: Readonly<Record<string, unknown>> }
type Call = {
  readonly name: string
  readonly text: string
  readonly publisher: string
  readonly id: string
  readonly job: Job
  readonly jobs: Readonly<Record<string, Job>>
}

const PACKAGE = 'package.yml'

const workflow = (publisher: string, name: string): string => `${publisher}/${FOLDER}/${name}.yml@v1`

/** The first job, in the order of the files' names, that calls one of our workflows. */
const callOf = (own: Readonly<Record<string, string>>, name: string): Call | undefined => {
  const called = new RegExp(`^([^/]+/[^/]+)/\\.github/workflows/${name}\\.yml@`)
  for (const [path, text] of Object.entries(own).sort(([a], [b]) => a.localeCompare(b))) {
    const jobs = jobsOf(text)
    for (const [id, job] of Object.entries(jobs)) {
      const publisher = called.exec(String(job?.uses ?? ''))?.[1]
      if (publisher !== undefined) return { name: path.slice(FOLDER.length + 1), text, publisher, id, job, jobs }
    }
  }
  return undefined
}

const jobsOf = (text: string): Readonly<Record<string, Job>> => {
  try {
    const read: { readonly jobs?: Readonly<Record<string, Job>> } | null = parse(text)
    return read?.jobs ?? {}
  } catch {
    return {}
  }
}

/** Started by a push, and nothing but the delivery, with a packaging job of the same repository that gives the digest or, where deliver.yml builds, without either. */
const isWhole = ({ id, job, jobs, text }: Call, { builds }: Wanted): boolean =>
  'push' in triggersOf(text) &&
  (job.with?.digest !== undefined) === !builds &&
  Object.entries(jobs).every(
    ([other, one]) => other === id || (!builds && /^[.$]\/\.github\/workflows\/package\.yml$/.test(one?.uses ?? '')),
  )

/** Nothing but repair, and to be started by hand. */
const isWholeReap = ({ jobs, text }: Call): boolean =>
  Object.keys(jobs).length === 1 && 'workflow_dispatch' in triggersOf(text)

/** The first branch that a push of starts the workflow, when it is one and no pattern. */
const branchOf = (text: string): string | undefined =>
  triggersOf(text).push?.branches?.find((branch) => /^[\w./-]+$/.test(branch))

type Triggers = { readonly [event: string]: { readonly branches?: readonly string[] } | null }

/** What starts a workflow, however it is written: one event, a list, or a map. */
const triggersOf = (text: string): Triggers => {
  const { on }: { readonly on?: string | readonly string[] | Triggers } = parse(text)
  if (typeof on === 'object' && !Array.isArray(on)) return on as Triggers
  return Object.fromEntries([on ?? []].flat().map((event) => [event, null]))
}

/** What a caller of deliver.yml must grant: the block of reusable-workflows/deliver.md. */
export const GRANTED = {
  actions: 'read',
  attestations: 'write',
  contents: 'read',
  deployments: 'write',
  'id-token': 'write',
  packages: 'write',
  'security-events': 'write',
} as const

const generatedJob = ({ publisher, service, builds }: Wanted): Job =>
  ({
    permissions: GRANTED,
    uses: workflow(publisher, 'deliver'),
    with: { service, ...(builds ? {} : { digest: DIGEST }) },
    secrets: 'inherit',
  }) as Job

const DIGEST = `\${{ needs.package.outputs.digest }}`

const rebuilt = (job: Job, { branch, builds }: Wanted): string => {
  const { digest: _, ...rest } = job.with ?? {}
  return stringify(
    {
      name: 'Deliver',
      on: { push: { branches: [branch] } },
      permissions: {},
      jobs: builds
        ? { deliver: { ...job, needs: undefined, if: undefined, with: rest } }
        : {
            package: { permissions: { contents: 'read' }, uses: `./${FOLDER}/${PACKAGE}` },
            deliver: { ...job, needs: 'package', if: undefined, with: { ...rest, digest: DIGEST } },
          },
    },
    { lineWidth: 0 },
  )
}

const reapCaller = ({ with: given, ...job }: Job): string => {
  const rest = Object.fromEntries(Object.entries(given ?? {}).filter(([name]) => !DELIVERS_ONLY.includes(name)))
  return stringify(
    {
      name: 'Reap',
      on: { workflow_dispatch: {} },
      permissions: {},
      jobs: { reap: { ...job, needs: undefined, if: undefined, with: rest } },
    },
    { lineWidth: 0 },
  )
}

/** Inputs of deliver.yml that reap.yml does not know. */
const DELIVERS_ONLY: readonly string[] = ['digest', 'checks-minutes', 'package-minutes', 'scan-minutes']

const adviceOf = (wanted: Wanted): string => {
  const builds = wanted.builds || wanted.packaged
  const job = generatedJob({ ...wanted, builds })
  return stringify(
    {
      name: 'Deliver',
      on: { push: { branches: [wanted.branch] } },
      permissions: {},
      jobs: builds ? { deliver: job } : { package: PLACEHOLDER, deliver: { needs: 'package', ...job } },
    },
    { lineWidth: 0 },
  ).replace(
    `package: ${PLACEHOLDER}`,
    'package: # yours: builds the image, pushes it, and outputs its digest; or leave it out, with digest, and say package in sluice.yml',
  )
}

const PLACEHOLDER = 'PACKAGE'

/** Where a commit of the rehearsal's repository says which release it is, and which digest was built from it, where nothing is built in a run. */
export const RELEASE = { name: '.sluice-rehearsal/release', digest: '.sluice-rehearsal/digest' } as const

const PACKAGING = `# Written by sluice rehearse. A laptop has no registry to push an image to, so this gives the digest of the release that the commit is.
name: Package
on:
  workflow_call:
    outputs:
      digest:
        value: \${{ jobs.package.outputs.digest }}
permissions: {}
jobs:
  package:
    runs-on: ubuntu-latest
    timeout-minutes: 2
    permissions:
      contents: read
    outputs:
      digest: \${{ steps.release.outputs.digest }}
    steps:
      - uses: actions/checkout@v7
        with:
          persist-credentials: false
      - id: release
        run: echo "digest=$(cat ${RELEASE.digest})" >> "$GITHUB_OUTPUT"
`
