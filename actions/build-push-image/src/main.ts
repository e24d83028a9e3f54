import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import * as core from '@actions/core'
import { leave, type Outcome, reportPath, runAction } from '@sluice/kit/action'
import { cancellation, realClock } from '@sluice/kit/clock'
import { describe, Fault } from '@sluice/kit/faults'
import { readInputs } from '@sluice/kit/inputs'
import { loggedLine } from '@sluice/kit/log'
import type { Report } from '@sluice/kit/report'
import { currentRun, tool } from '@sluice/kit/run'
import { mask } from '@sluice/kit/state'
import { readRoles } from '@sluice/registry/ecr/roles'
import { parseRepository, type Repository, shownRepository } from '@sluice/registry/repository'
import { cacheOf } from './build/cache.ts'
import type { BuildOrder } from './build/order.ts'
import { RUN } from './existing.ts'
import { conflicts, type Inputs, inputs as schema } from './inputs.ts'
import { type Details, detailsOf, findingsOf, type Result, type Verdict } from './outcome.ts'
import { headOf } from './ports/checkout.ts'
import { openDocker } from './ports/docker.ts'
import { openRegistries } from './ports/registries.ts'
import type { Plan } from './ports.ts'
import { run } from './run.ts'
import { digestsText, summarize } from './summary.ts'
import { type Checkout, checkedOut, ofTrial } from './tags/checkout.ts'
import { type GitEvent, readEvent } from './tags/event.ts'
import { labelsOf } from './tags/labels.ts'
import { type Tag, tagsOf } from './tags/tags.ts'

const NAME = 'build-push-image'

const main = async (): Promise<Outcome> => {
  const { env } = process
  const startedAt = new Date()
  const cancelled = cancellation()
  const { inputs, repositories, roles } = readAll((name) => core.getInput(name))
  for (const secret of [inputs['registry-password'] ?? '', ...inputs.secrets.map(({ value }) => value)]) mask(secret)
  const checkout = checkedOut(readEvent(env, payloadOf(env), startedAt.getTime()), headOf(inputs.context, env))
  const { event } = checkout
  const plan = planOf(inputs, repositories, { checkout, run: env.GITHUB_RUN_ID ?? '' })
  const lifecycle = inputs['ensure-repository']?.lifecycle
  const settings = inputs['ensure-repository']
  const policy =
    settings === undefined
      ? undefined
      : {
          immutable: settings.immutable,
          scanOnPush: settings['scan-on-push'],
          ...(lifecycle === undefined ? {} : { lifecycle: read('ensure-repository: lifecycle', lifecycle) }),
          ...(settings['kms-key'] === undefined ? {} : { kmsKey: settings['kms-key'] }),
        }
  const [username, password] = [inputs['registry-username'], inputs['registry-password']]
  const parent = env.RUNNER_TEMP || tmpdir()
  mkdirSync(parent, { recursive: true })
  const temporary = mkdtempSync(join(parent, 'sluice-build-'))
  try {
    const registries = await openRegistries(
      {
        repositories,
        credentials: username === undefined || password === undefined ? undefined : { username, password },
        roles,
        policy,
        attempts: inputs.attempts,
      },
      { env, cancelled, dockerConfig: env.DOCKER_CONFIG || join(env.HOME || homedir(), '.docker'), temporary, say },
    )
    // Docker prefers its logins to those of any folder: they are in ours.
    const { DOCKER_AUTH_CONFIG: _, ...dockerEnv } = env
    const result = await run(plan, {
      docker: openDocker({
        dockerConfig: () => registries.folder,
        env: dockerEnv,
        cancelled,
        temporary,
        needs: { push: plan.push !== 'false', platforms: plan.order.platforms },
        say,
      }),
      place: registries.place,
      login: registries.login,
      ensure: registries.ensure,
      clock: { ...realClock(cancelled), random: Math.random },
      cancelled,
      say,
    })
    return outcomeOf(result, plan, { startedAt, event, env })
  } finally {
    rmSync(temporary, { recursive: true, force: true })
  }
}

type Read = {
  readonly inputs: Inputs
  readonly repositories: readonly Repository[]
  readonly roles: readonly { readonly host: string; readonly role: string }[]
}

/** Reads the inputs, those in the registries' language too. @throws Fault('input') with everything that is wrong, one a line */
const readAll = (text: (name: string) => string): Read => {
  const problems = [...conflicts(text)]
  const repositories: Repository[] = []
  for (const line of text('images')
    .split('\n')
    .map((one) => one.trim())
    .filter((one) => one !== '' && !one.startsWith('#'))) {
    const found = parseRepository(line)
    if ('problem' in found) problems.push(`images: ${found.problem}`)
    else if (repositories.some((one) => shownRepository(one) === shownRepository(found)))
      problems.push(`images has ${shownRepository(found)} twice`)
    else repositories.push(found)
  }
  const roles = readRoles(text('aws-role-registries'))
  if ('problems' in roles) problems.push(...roles.problems.map((problem) => `aws-role-registries: ${problem}`))
  const inputs = readInputs(schema, text, problems)
  return { inputs, repositories, roles: 'problems' in roles ? [] : roles.roles }
}

type Of = { readonly checkout: Checkout; readonly run: string }

const planOf = (inputs: Inputs, repositories: readonly Repository[], { checkout, run: id }: Of): Plan => {
  const { event, revision, trial, notes } = checkout
  const ruled = tagsOf(inputs.tags, inputs.flavor, event)
  const tagging = trial ? ofTrial(ruled, event) : ruled
  const names = repositories.map(shownRepository)
  const cache = cacheOf(inputs.cache, {
    repository: names[0] ?? '',
    platforms: inputs.platforms,
    target: inputs.target,
    // Whoever opens a pull request chooses the name of its branch, and would choose whose cache is written.
    branch: event.ref.replace(/^refs\/(heads|tags)\//, '').replace(/^refs\/(pull\/\d+)\/.*/, '$1'),
    defaultBranch: event.defaultBranch,
  })
  const own: readonly Tag[] =
    cache.tag === undefined ? [] : [{ name: cache.tag, kind: 'moving', rule: 'cache: inline' }]
  const order: BuildOrder = {
    context: inputs.context,
    dockerfile: inputs.dockerfile,
    target: inputs.target,
    platforms: inputs.platforms,
    buildArgs: inputs['build-args'],
    labels: {
      ...labelsOf(inputs.labels, { ...event, sha: revision }, tagging.version),
      ...(/^\d+$/.test(id) ? { [RUN]: id } : {}),
    },
    secrets: inputs.secrets,
    secretFiles: inputs['secret-files'],
    ssh: inputs.ssh,
    // What is pushed nowhere writes no cache there either.
    cache: inputs.push === 'false' && inputs.cache === 'registry' ? { ...cache, to: [] } : cache,
    provenance: inputs.provenance,
    sbom: inputs.sbom,
    noCache: inputs['no-cache'],
  }
  return {
    repositories: names,
    tagging: { ...tagging, tags: [...tagging.tags, ...own], notes: [...notes, ...tagging.notes] },
    order,
    push: inputs.push,
    merge: inputs.merge,
    load: inputs.load,
    attempts: inputs.attempts,
  }
}

/** The event's payload; none where the action runs outside GitHub. */
const payloadOf = (env: NodeJS.ProcessEnv): unknown => {
  const path = env.GITHUB_EVENT_PATH
  if (!path) return {}
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (thrown) {
    throw new Fault('upstream', `The event's payload, ${path}, cannot be read: ${describe(thrown)}`)
  }
}

const read = (what: string, path: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch (thrown) {
    throw new Fault('input', `Invalid input: ${what}: ${path} cannot be read: ${describe(thrown)}`, 'Correct the path.')
  }
}

type Told = { readonly startedAt: Date; readonly event: GitEvent; readonly env: NodeJS.ProcessEnv }

const outcomeOf = (result: Result, plan: Plan, { startedAt, event, env }: Told): Outcome => {
  const { verdict, code, text, next, image } = result
  const repository = plan.repositories[0]
  const pushed = image === undefined || repository === undefined ? undefined : { repository, digest: image.digest }
  const report: Report<Verdict, Details> = {
    schema: `sluice.dev/${NAME}/v1`,
    tool: tool(env),
    subject: { ...(pushed === undefined ? {} : { image: pushed }), commit: event.sha },
    run: currentRun(env, process.pid),
    startedAt: startedAt.toISOString(),
    endedAt: new Date().toISOString(),
    verdict,
    reason: { code, text, next },
    findings: findingsOf(result),
    details: detailsOf(result, plan),
  }
  say(`verdict: ${verdict} (${code}): ${text}`)
  return {
    outputs: {
      image: pushed === undefined ? '' : `${pushed.repository}@${pushed.digest}`,
      repository: pushed?.repository ?? '',
      digest: pushed?.digest ?? '',
      digests: digestsText(result),
      tags: result.tags.map((tag) => `${tag.repository}:${tag.tag}`).join('\n'),
      skipped: String(result.skipped),
      attempts: String(result.attempts),
    },
    report,
    reportPath: reportPath(NAME),
    summary: summarize(result, plan),
    ...(verdict === 'pass' ? {} : { failed: next === '' ? text : `${text}. ${next}` }),
  }
}

const say = (text: string): void => void process.stdout.write(`${loggedLine(text)}\n`)

void runAction(NAME, main).then(leave)
