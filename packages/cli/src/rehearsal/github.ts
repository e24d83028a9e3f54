import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, delimiter, dirname, join, sep } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { ApprovalRequest, EnvironmentRules, Happening, Platform } from '@sluice/runner/github'
import { createPlatform } from '@sluice/runner/platform/platform'
import { parse } from 'yaml'
import type { Callers } from './callers.ts'
import { readManifests } from './gateways.ts'
import type { Ground } from './ground.ts'
import { routeAmong } from './recovery.ts'
import type { Stage } from './stage.ts'
import type { Subject } from './subject.ts'

/** What the local GitHub of a rehearsal is made of. `published` is the folder that our workflows and actions are taken from. */
export type GitHubAsked = {
  readonly stage: Stage
  readonly subject: Subject
  readonly callers: Callers
  readonly repository: string
  readonly root: string
  readonly published: string
  readonly approve: (asked: ApprovalRequest) => Promise<'approved' | 'rejected'>
  readonly on: (happening: Happening) => void
}

/** The name that the temporary repository goes by. */
const repositoryName = ({ service }: Subject): string => `example/${service}`

/**
 * Starts a local GitHub with the temporary repository: its environments with the secrets and rules that a platform team would give them. Recovery logs in
 * with what repair needs and no more.
 */
export const startGitHub = async (asked: GitHubAsked): Promise<Platform> => {
  const { stage, subject, callers, root } = asked
  const directory = join(stage.directory, 'machines')
  mkdirSync(directory, { recursive: true })
  const platform = await createPlatform({
    repository: { name: repositoryName(subject), folder: asked.repository, defaultBranch: callers.branch },
    published: { [callers.publisher]: asked.published },
    actions: thirdParties(root, stage.directory),
    environments: await environmentsOf(asked),
    approve: asked.approve,
    env: {
      PATH: pathFor(subject),
      HOME: stage.directory,
      LANG: process.env.LANG ?? 'C.UTF-8',
      SLUICE_ARTIFACTS: artifactsOf(stage),
      ...stage.docker?.builder.env,
    },
    directory,
    on: asked.on,
  })
  stage.undo(() => platform.close())
  return platform
}

/** Where the artifacts of the runs lie while the stage stands: by run, then by the artifact's name. */
export const artifactsOf = ({ directory }: Pick<Stage, 'directory'>): string => join(directory, 'artifacts')

/** The example needs the Node that this checkout came with; a user's repository has the first word about its own. */
const pathFor = ({ kind }: Subject): string => {
  const [own, given] = [dirname(process.execPath), process.env.PATH ?? '']
  return kind === 'example' ? `${own}${delimiter}${given}` : `${given}${delimiter}${own}`
}

const environmentsOf = async ({ stage, subject }: GitHubAsked): Promise<Readonly<Record<string, EnvironmentRules>>> => {
  const { staging, production } = subject
  // On one line: a runner masks each line of a secret by itself, and lines such as a namespace stand in other places too.
  const login = async (...asked: Parameters<Ground['credential']>): Promise<EnvironmentRules> => ({
    secrets: { KUBECONFIG: JSON.stringify(parse(await stage.ground.credential(...asked))) },
  })
  const manifests = readManifests(subject.folder, production.manifests.split('\n'))
  const route =
    production.router === 'replicas' ? undefined : (production.route ?? routeAmong(manifests, production.service))
  return {
    ...(staging === null ? {} : { [staging.environment]: await login('release', { ...staging, route: undefined }) }),
    [production.environment]: await login('release', { ...production, route }),
    [production['approval-environment']]: { reviewers: ['you'] },
    [production['recovery-environment']]: await login('repair', { ...production, route }),
  }
}

/**
 * The third-party actions of our workflows and actions, by name: those that have a local stand-in, and for the others one that fails and says why. A runner
 * fetches all that a job names before it looks at any `if`, so each has to be somewhere.
 */
export const thirdParties = (root: string, directory: string): Readonly<Record<string, string>> => {
  const folder = join(root, 'packages/runner/stand-ins')
  const absent = join(directory, 'absent')
  mkdirSync(absent)
  writeFileSync(join(absent, 'action.yml'), ABSENT)
  const named = [...files(join(root, 'actions'), 'action.yml'), ...workflows(join(root, '.github/workflows'))]
    .flatMap((path) => [...readFileSync(path, 'utf8').matchAll(/^\s*(?:- )?uses: ([\w.-]+\/[\w./-]+)@/gm)])
    .flatMap(([, name]) => (name === undefined || name === 'actions/checkout' ? [] : [name]))
  const there = readdirSync(folder, { recursive: true, encoding: 'utf8' }).flatMap((path) => {
    if (basename(path) !== 'action.yml') return []
    const name = dirname(path).replaceAll(sep, '/')
    // Those of GitHub itself lie at the top.
    return [[name.includes('/') ? name : `actions/${name}`, join(folder, name)] as const]
  })
  return { ...Object.fromEntries(named.map((name) => [name, absent])), ...Object.fromEntries(there) }
}

const ABSENT = `name: Not on this machine
description: Stands where an action would reach a cloud that a rehearsal does not have
runs:
  using: composite
  steps:
    - shell: bash
      run: echo "::error::This action reaches a cloud that a rehearsal does not have"; exit 1
`

const files = (folder: string, name: string): readonly string[] =>
  readdirSync(folder)
    .map((each) => join(folder, each, name))
    .filter((path) => existsSync(path))

const workflows = (folder: string): readonly string[] => readdirSync(folder).map((name) => join(folder, name))

/**
 * A copy of what this checkout publishes whose actions run from their sources: a bundle's place is taken by one line that loads `src/main.ts`.
 * @returns the folder
 */
export const publishedFromSource = (root: string, into: string): string => {
  cpSync(join(root, '.github/workflows'), join(into, '.github/workflows'), { recursive: true })
  for (const { name } of readdirSync(join(root, 'actions'), { withFileTypes: true }).filter((one) =>
    one.isDirectory(),
  )) {
    const [from, to] = [join(root, 'actions', name), join(into, 'actions', name)]
    cpSync(from, to, {
      recursive: true,
      filter: (path) => !['src', 'test', 'dist', 'node_modules'].includes(basename(path)) || path === from,
    })
    mkdirSync(join(to, 'dist'))
    writeFileSync(join(to, 'dist/package.json'), '{ "type": "module" }\n')
    writeFileSync(
      join(to, 'dist/index.js'),
      `import ${JSON.stringify(pathToFileURL(join(from, 'src/main.ts')).href)}\n`,
    )
  }
  return into
}
