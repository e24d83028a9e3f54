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
}

const FOLDER = '.github/workflows'

/**
 * The workflows that a rehearsal runs. Of the user's own only the job that calls `deliver.yml` is taken, as it is written: what other jobs do, such as
 * pushing an image, is not a laptop's to repeat. In place of what builds the image stands a job that gives the digest of the release that the commit is.
 * A file that consists of that job and of a local `package.yml` stays as it is, byte for byte.
 * @param own workflow files by path; those that do not parse are passed over
 */
export const callersOf = (own: Readonly<Record<string, string>>, wanted: Wanted): Callers => {
  const found = callOf(own, 'deliver')
  const reap = callOf(own, 'reap')
  const publisher = found?.publisher ?? wanted.publisher
  const whole = found !== undefined && isWhole(found)
  const deliver = found?.name ?? 'deliver.yml'
  const job = found?.job ?? generatedJob(wanted)
  return {
    files: {
      [`${FOLDER}/${PACKAGE}`]: PACKAGING,
      [`${FOLDER}/${deliver}`]: whole ? found.text : rebuilt(job, wanted.branch),
      [`${FOLDER}/${reap?.name ?? 'reap.yml'}`]:
        reap !== undefined && isWholeReap(reap)
          ? reap.text
          : reapCaller(reap?.job ?? { ...job, uses: workflow(publisher, 'reap') }),
    },
    branch: (whole ? branchOf(found.text) : undefined) ?? wanted.branch,
    deliver,
    reap: reap?.name ?? 'reap.yml',
    publisher,
    said: [
      whole
        ? `${FOLDER}/${deliver} runs as it is; ${FOLDER}/${PACKAGE} gives the digest of the release that the commit is, for a rehearsal builds no image in a job.`
        : found === undefined
          ? `There is no workflow that calls deliver.yml: one was written, as you would add it.`
          : `Of ${FOLDER}/${deliver} the job that calls deliver.yml is taken; in place of the jobs before it stands one that gives the digest of the release that the commit is.`,
    ],
    advice: found === undefined ? adviceOf(generatedJob(wanted), wanted.branch) : '',
  }
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

/** Nothing but the delivery and a packaging job of the same repository, and started by a push. */
const isWhole = ({ id, jobs, text }: Call): boolean =>
  'push' in triggersOf(text) &&
  Object.entries(jobs).every(
    ([other, job]) => other === id || /^[.$]\/\.github\/workflows\/package\.yml$/.test(job?.uses ?? ''),
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

const GRANTED = { contents: 'read', actions: 'read', deployments: 'write', 'id-token': 'write' } as const

const generatedJob = ({ publisher, service }: Wanted): Job =>
  ({
    permissions: GRANTED,
    uses: workflow(publisher, 'deliver'),
    with: { service, digest: DIGEST },
    secrets: 'inherit',
  }) as Job

const DIGEST = `\${{ needs.package.outputs.digest }}`

const rebuilt = (job: Job, branch: string): string =>
  stringify(
    {
      name: 'Deliver',
      on: { push: { branches: [branch] } },
      permissions: {},
      jobs: {
        package: { permissions: { contents: 'read' }, uses: `./${FOLDER}/${PACKAGE}` },
        deliver: { ...job, needs: 'package', if: undefined, with: { ...job.with, digest: DIGEST } },
      },
    },
    { lineWidth: 0 },
  )

const reapCaller = ({ with: given, ...job }: Job): string => {
  const { digest: _, 'checks-minutes': __, ...rest } = given ?? {}
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

const adviceOf = (job: Job, branch: string): string =>
  stringify(
    {
      name: 'Deliver',
      on: { push: { branches: [branch] } },
      permissions: {},
      jobs: { package: PLACEHOLDER, deliver: { needs: 'package', ...job } },
    },
    { lineWidth: 0 },
  ).replace(`package: ${PLACEHOLDER}`, 'package: # yours: builds the image, pushes it, and outputs its digest')

const PLACEHOLDER = 'PACKAGE'

/** Where a commit of the rehearsal's repository says which release it is, and which digest was built from it. */
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
