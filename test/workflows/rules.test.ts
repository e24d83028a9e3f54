import { describe, expect, test } from 'vitest'
import { actionName, calledName, type Found, type Job, parseWorkflow, type Workflow } from '../../scripts/workflow.ts'
import { houseOf, PUBLISHED, readWorkflow, WORKFLOWS } from './house.ts'
import type { House } from './wiring.ts'

/** How deep GitHub's Enterprise Server lets workflows call each other, the caller's own counted; github.com lets them go to ten. */
const DEEPEST = 4

describe.each(WORKFLOWS)('%s', (path) => {
  const workflow = readWorkflow(path)
  const jobs = Object.entries(workflow.jobs)
  const steps = jobs.flatMap(([, job]) => job.steps ?? [])

  test('gives no permission to all jobs, and says for each job what it needs', () => {
    expect(workflow.permissions).toEqual({})
    for (const [id, { permissions }] of jobs) expect(permissions, id).toBeTypeOf('object')
  })
  test('ends every job in time', () => {
    for (const [id, job] of jobs) {
      const limit = job['timeout-minutes']
      if (job.uses === undefined && typeof limit === 'string') expect(limit, id).toMatch(/^\$\{\{ .*minutes \}\}$/)
      else if (job.uses === undefined) expect(limit, id).toBeGreaterThan(0)
    }
  })
  test('puts no expression inside a script, and logic longer than five lines into no workflow', () => {
    for (const { run = '' } of steps) {
      expect(run).not.toContain('${' + '{')
      expect(run.trim().split('\n').length).toBeLessThanOrEqual(5)
    }
  })
  test('leaves no credentials in a checkout', () => {
    for (const { uses, with: given } of steps)
      if (uses?.startsWith('actions/checkout@')) expect(given?.['persist-credentials']).toBe(false)
  })
  test('deploys after no job that was cancelled, and asks for no failure that it might miss', () => {
    for (const [id, job] of jobs.filter(([, each]) => deploys(each))) {
      expect(job.if ?? '', id).not.toContain('always()')
      expect(job.if ?? '', id).not.toMatch(/result\s*!=|!failure\(\)/)
      if (job.needs !== undefined && job.if !== undefined) expect(job.if, id).toContain('!cancelled()')
    }
  })
  test('lets no environment make a Deployment of its own', () => {
    for (const [id, { environment }] of jobs)
      if (environment !== undefined) expect(environment, id).toHaveProperty('deployment', false)
  })
  test('asks for an OIDC token only where a job logs in, or calls a workflow that does', () => {
    for (const [id, job] of jobs.filter(([, { permissions = {} }]) => permissions['id-token'] !== undefined))
      expect(job.uses !== undefined || usesAction(job, 'cluster-login') || asksForToken(job), id).toBe(true)
  })
  test(`is no more than ${DEEPEST} workflows deep`, () => {
    const house = houseOf(path)
    expect(depth({ workflow, called: house.workflow })).toBeLessThanOrEqual(
      PUBLISHED.includes(path) ? DEEPEST - 1 : DEEPEST,
    )
  })
})

describe.each(PUBLISHED)('%s, which others call,', (path) => {
  const workflow = readWorkflow(path)
  const jobs = Object.entries(workflow.jobs)
  const call = workflow.on.workflow_call

  test('can be called and is started by nothing else', () => {
    expect(Object.keys(workflow.on)).toEqual(['workflow_call'])
  })
  test('says of every input, secret and output what it is, and of every input what it is when left out', () => {
    const all = { ...call?.inputs, ...call?.secrets, ...call?.outputs }
    for (const [name, { description = '' }] of Object.entries(all)) expect(description, name).not.toBe('')
    for (const [name, { required, description }] of Object.entries(call?.inputs ?? {}))
      if (required !== true) expect(description, name).toMatch(/\bdefault\b/i)
  })
  test('takes service, file and runs-on, requires no secret, and gives out a verdict', () => {
    expect(Object.keys(call?.inputs ?? {})).toEqual(expect.arrayContaining(['service', 'file', 'runs-on']))
    for (const [name, { required }] of Object.entries(call?.secrets ?? {})) expect(required, name).toBe(false)
    expect(call?.outputs?.verdict?.value).toContain("|| 'error' }}")
  })
  test('names what is its own by $/, which is the commit of the file itself', () => {
    for (const uses of usesOf(workflow)) expect(uses).toMatch(/^\$\/|@[0-9a-f]{40}$/)
  })
  test('runs every job where its caller says, and what touches a cluster where sluice.yml says', () => {
    for (const [id, job] of jobs.filter(([, { uses }]) => uses === undefined)) {
      const touches = ['deploy', 'smoke-test', 'canary-promote'].some((name) => usesAction(job, name))
      expect(job['runs-on'], id).toMatch(
        touches
          ? /^\$\{\{ fromJSON\(inputs\.plan \|\| needs\.plan\.outputs\.plan\)\.(staging|production)\.runs-on \}\}$/
          : builds(job)
            ? /^\$\{\{ matrix\.leg\.runs-on \}\}$/
            : /^\$\{\{ fromJSON\(inputs\.runs-on\) \}\}$/,
      )
      if (builds(job))
        expect(job.strategy?.matrix?.leg, id).toBe(
          `\${{ fromJSON(inputs.plan || needs.plan.outputs.plan).package.legs }}`,
        )
    }
    for (const [id, job] of jobs.filter(([, { uses }]) => uses !== undefined))
      expect(job.with?.['runs-on'], id).toMatch(/^\$\{\{ inputs\.runs-on \}\}$/)
  })
  test('runs the user’s commands without a secret, and with a token that only reads', () => {
    for (const [id, job] of jobs.filter(([, each]) => runsCommands(each, houseOf(path)))) {
      expect(job.permissions, id).toEqual({ contents: 'read' })
      expect([job.environment, job.secrets], id).toEqual([undefined, undefined])
      expect(JSON.stringify(job), id).not.toMatch(/secrets\.|github\.token/)
    }
  })
  test('logs in before it touches a cluster', () => {
    for (const [id, job] of jobs) {
      const order = (job.steps ?? []).map(({ uses = '' }) => actionName(uses))
      const first = order.findIndex((name) => ['deploy', 'smoke-test', 'canary-promote'].includes(name ?? ''))
      if (first >= 0) expect(order.slice(0, first), id).toContain('cluster-login')
    }
  })
  test('lets what deploys wait its turn, and what repairs wait for nobody', () => {
    for (const [id, job] of jobs) {
      const name = typeof job.environment === 'object' ? String(job.environment.name) : ''
      if (name.includes('.recovery-environment') || name.includes('.approval-environment'))
        expect(job.concurrency, id).toBeUndefined()
      else if (name !== '')
        expect(job.concurrency, id).toMatchObject({
          'cancel-in-progress': false,
          queue: 'max',
          group: expect.stringMatching(/\.group\) \|\| format\('sluice-none-\{0\}', github\.run_id\) \}\}$/),
        })
    }
  })
  test('claims no group that others wait for, for a job that it then skips', () => {
    for (const [id, { concurrency, if: condition = '' }] of jobs) {
      if (concurrency === undefined) continue
      // The whole condition but for the status function, which is not known there, stands before the group's name.
      const met = condition.replace(/^!cancelled\(\) && /, '')
      const group = typeof concurrency === 'object' ? String(concurrency.group) : ''
      expect(group.startsWith(`\${{ (${met} && `), id).toBe(true)
    }
  })
  test('gives out what jobs put out, not how they ended: GitHub has that empty', () => {
    // https://github.com/actions/runner/issues/2495 and 3087
    for (const [name, { value = '' }] of Object.entries(call?.outputs ?? {}))
      expect(value, name).not.toMatch(/jobs\.[\w-]+\.result/)
  })
  test('takes a verdict for what lets a deployment begin only together with the result of its job', () => {
    // A job that runs again and puts nothing out hands on what its earlier attempt put out: https://github.com/actions/runner/issues/2598
    for (const [id, job] of jobs.filter(([, each]) => deploys(each) || each.environment !== undefined)) {
      const condition = job.if ?? ''
      if (condition.startsWith('always() &&')) continue
      for (const [, needed = ''] of condition.matchAll(/needs\.(\w+)\.outputs\.verdict/g))
        expect(condition, `${id}: ${needed}`).toContain(
          jobs.some(([other, { uses }]) => other === needed && uses !== undefined)
            ? `!contains(fromJSON('["failure", "cancelled"]'), needs.${needed}.result) && `
            : `needs.${needed}.result == 'success' && `,
        )
    }
  })
})

describe('the depth of a workflow', () => {
  const chain = (length: number): Found => ({
    workflow: parseWorkflow(`on: push\njobs: { a: ${length > 1 ? '{ uses: $/next }' : '{}'} }`),
    called: () => chain(length - 1),
  })
  test.each([1, 2, 5])('counts the caller and what it calls: %i', (length) => expect(depth(chain(length))).toBe(length))
})

test('what repairs is told where, and not by which plan: a wrong one must not keep a canary in the cluster', () => {
  const repairs = PUBLISHED.flatMap((path) =>
    Object.values(readWorkflow(path).jobs).flatMap(({ steps = [] }) =>
      steps.filter(({ uses = '', with: given }) => actionName(uses) === 'canary-promote' && given?.mode !== undefined),
    ),
  )
  expect(repairs).toHaveLength(3)
  for (const { with: given } of repairs)
    expect(Object.keys(given ?? {}).sort()).toEqual(['context', 'deployment', 'mode', 'namespace', 'router'])
})

describe('the credentials that metrics are read with', () => {
  const inputs = Object.keys(houseOf('.github/workflows/canary.yml').action('canary-promote')?.inputs ?? {})
  const credentials = inputs.filter((name) => /^(prometheus|datadog|aws)-/.test(name))
  // What is stored is no role's: a session has ended long before the next release.
  const stored = credentials.filter((name) => name !== 'aws-session-token')
  /** A key of AWS has a name of its own: many repositories have an AWS_ACCESS_KEY_ID for something else, which would take the role's place. */
  const secretOf = (input: string): string => input.replace(/^aws-/, 'cloudwatch-').replaceAll('-', '_')
  const SECRET = /secrets\.(prometheus|datadog|aws|cloudwatch)_\w+/gi

  test('are every one a secret that may be given, of canary.yml and of deliver.yml before it', () => {
    expect(stored.length).toBeGreaterThan(8)
    for (const path of ['.github/workflows/canary.yml', '.github/workflows/deliver.yml']) {
      const call = readWorkflow(path).on.workflow_call
      const others = Object.keys(call?.secrets ?? {}).filter((name) => !IMAGES.includes(name))
      expect(others).toEqual(['kubeconfig', ...stored.map(secretOf)])
      expect(Object.keys(call?.inputs ?? {}).filter((name) => /prometheus|datadog|aws|cloudwatch/.test(name))).toEqual(
        [],
      )
    }
  })
  test.each(PUBLISHED)('are read in %s by the step that compares, if at all', (path) => {
    const { jobs, ...rest } = readWorkflow(path)
    expect(JSON.stringify(rest)).not.toMatch(SECRET)
    for (const [id, { steps = [], ...job }] of Object.entries(jobs)) {
      expect(JSON.stringify(job), id).not.toMatch(SECRET)
      for (const { with: given, ...step } of steps) {
        const judges =
          path.endsWith('/canary.yml') && id === 'canary' && actionName(step.uses ?? '') === 'canary-promote'
        expect(JSON.stringify(step), id).not.toMatch(SECRET)
        if (!judges) expect(JSON.stringify(given ?? {}), id).not.toMatch(SECRET)
        else for (const name of stored) expect(given?.[name]).toBe(`\${{ secrets.${secretOf(name)} }}`)
      }
    }
  })
})

/** What packaging and scanning may be given. */
const IMAGES = ['registry_username', 'registry_password', 'build_secrets', 'sonar_token']

describe('what scans', () => {
  const workflow = readWorkflow('.github/workflows/scan.yml')

  test('holds nothing that deploys: no environment, no token for a cloud, no right to write but alerts, no secret but three', () => {
    for (const [id, { permissions = {}, environment, secrets }] of Object.entries(workflow.jobs)) {
      expect([environment, secrets], id).toEqual([undefined, undefined])
      expect(
        Object.entries(permissions).filter(([scope, access]) => access === 'write' && scope !== 'security-events'),
        id,
      ).toEqual([])
    }
    expect(Object.keys(workflow.on.workflow_call?.secrets ?? {})).toEqual([
      'registry_username',
      'registry_password',
      'sonar_token',
    ])
  })
  test('hands over alerts in a step of its own, after the verdict, which none of it can change', () => {
    const uploads = Object.entries(workflow.jobs).flatMap(([id, { steps = [] }]) =>
      steps.flatMap((step, index) =>
        step.uses?.startsWith('github/codeql-action/upload-sarif@') ? [{ id, index, step: { ...step } }] : [],
      ),
    )
    expect(uploads.map(({ id }) => id)).toEqual(['source', 'dependencies', 'image', 'codeql', 'semgrep'])
    for (const { id, index, step } of uploads) {
      // In a private repository upload-sarif reads the run.
      expect(workflow.jobs[id]?.permissions, id).toMatchObject({ actions: 'read', 'security-events': 'write' })
      expect(index, id).toBeGreaterThan(0)
      expect(step, id).toHaveProperty('continue-on-error', true)
      expect(step.if, id).toContain('always() && ')
    }
  })
  test('analyses with CodeQL without handing over, which would fail where there is no code scanning', () => {
    const given = workflow.jobs.codeql?.steps?.find(({ id }) => id === 'analyze')?.with
    expect(given).toMatchObject({ upload: 'never', 'upload-database': false })
    const upload = workflow.jobs.codeql?.steps?.at(-1)?.with
    expect(upload).toMatchObject({ sarif_file: given?.output, category: given?.category })
  })
  test.each(['package', 'scan'])('gets from deliver.yml, as job %s, the secrets that are named and no others', (id) => {
    const job = readWorkflow('.github/workflows/deliver.yml').jobs[id]
    const declared = readWorkflow(`.github/workflows/${id}.yml`).on.workflow_call?.secrets ?? {}
    expect(Object.keys(declared).every((name) => IMAGES.includes(name))).toBe(true)
    expect(job?.secrets).toEqual(
      Object.fromEntries(Object.keys(declared).map((name) => [name, `\${{ secrets.${name} }}`])),
    )
  })
})

test('the user’s commands are run by ci.yml, and by deliver.yml through it', () => {
  const having = PUBLISHED.filter((path) =>
    Object.values(readWorkflow(path).jobs).some((job) => runsCommands(job, houseOf(path))),
  )
  expect(having.map((path) => path.replace(/^.*\//, '')).sort()).toEqual(['ci.yml', 'deliver.yml'])
})

const usesAction = ({ steps = [] }: Job, name: string): boolean =>
  steps.some(({ uses = '' }) => actionName(uses) === name)

/** A job that runs the commands of sluice.yml, by its steps or by the workflow it calls. */
const runsCommands = (job: Job, house: House): boolean =>
  usesAction(job, 'run-checks') ||
  (job.uses !== undefined &&
    Object.values(house.workflow(job.uses)?.workflow.jobs ?? {}).some((inner) => usesAction(inner, 'run-checks')))

/** A script that shows what the token says, a signature, a push that may be to ECR. */
const asksForToken = ({ steps = [] }: Job): boolean =>
  steps.some(
    ({ run = '', uses = '', with: given = {} }) =>
      run.includes('ACTIONS_ID_TOKEN_REQUEST_URL') ||
      uses.startsWith('actions/attest@') ||
      (actionName(uses) === 'build-push-image' && Object.hasOwn(given, 'aws-role-registries')),
  )

/** One platform of an image, on a runner of that platform. */
const builds = ({ steps = [] }: Job): boolean =>
  steps.some(({ uses = '', with: given = {} }) => actionName(uses) === 'build-push-image' && given.merge === undefined)

/** A job that puts a version somewhere, by its steps or by the workflow it calls. */
const deploys = ({ uses, steps = [] }: Job): boolean =>
  ['deliver', 'stage', 'canary'].includes(calledName(uses ?? '') ?? '') ||
  steps.some(({ uses: used = '', with: given }) => {
    const name = actionName(used)
    return name === 'deploy' || (name === 'canary-promote' && given?.mode === undefined)
  })

const usesOf = ({ jobs }: Workflow): readonly string[] =>
  Object.values(jobs).flatMap(({ uses, steps = [] }) =>
    [uses, ...steps.map((step) => step.uses)].flatMap((each) => each ?? []),
  )

const depth = ({ workflow, called }: Found): number =>
  1 +
  Math.max(
    0,
    ...Object.values(workflow.jobs).map(({ uses }) => {
      const found = uses === undefined ? undefined : called(uses)
      return found === undefined ? 0 : depth(found)
    }),
  )
