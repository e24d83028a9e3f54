import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import { type PolicyRule, type Sandbox, startSandbox } from '@sluice/sandbox/sandbox'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { canonical } from '../src/template.ts'
import { imageOf, images, PLAN, type Result, type Stage, sleep, stage, until } from './stage.ts'

/** The action's own process against an embedded cluster with real pods, a real gateway and real clients. */
let sandbox: Sandbox
const stages: Stage[] = []
let count = 0

beforeAll(async () => {
  sandbox = await startSandbox({
    images: images(),
    namespaces: Array.from({ length: 18 }, (_, index) => `shop-${index + 1}`),
  })
}, 30_000)
afterAll(async () => {
  await Promise.all(stages.map((each) => each.end()))
  await sandbox?.stop()
}, 30_000)

const newStage = async (): Promise<Stage> => {
  count += 1
  const made = await stage(sandbox, `shop-${count}`)
  stages.push(made)
  return made
}
const liveImage = async (shop: Stage): Promise<string | undefined> =>
  (await shop.live())?.spec.template.spec.containers[0]?.image
const canaryAnswers = (answers: Readonly<Record<string, number>>): number =>
  Object.entries(answers).reduce((sum, [key, n]) => (/^(good|errors|never-ready|crash) /.test(key) ? sum + n : sum), 0)
const serves = async (shop: Stage, only: string): Promise<void> => {
  shop.answered()
  await sleep(1000)
  expect(Object.keys(shop.answered())).toEqual([`${only} 200`])
}
const verdictOf = ({ code, outputs }: Result) => ({ code, verdict: outputs.verdict, reason: outputs['reason-code'] })

describe('a release on the embedded cluster', { concurrent: true, timeout: 150_000 }, () => {
  test('that is good is promoted without a failed request, and nothing of it is left', async () => {
    const shop = await newStage()
    // With the rights of the README's Role and no others.
    const token = sandbox.issueToken(rulesOfTheReadme())
    const kubeconfig = sandbox.kubeconfig({ namespace: shop.namespace, token })
    const result = await shop.run({ image: imageOf('good'), kubeconfig })
    expect(verdictOf(result), result.log).toEqual({ code: 0, verdict: 'promoted', reason: 'promoted' })
    expect(result.log).toMatch(/this credential may not create pods, so none was rehearsed/)
    expect(result.log).not.toMatch(/could not be read|Not allowed to/)
    expect(await liveImage(shop)).toBe(imageOf('good'))
    expect(await shop.leftovers()).toEqual([])
    const answers = shop.answered()
    const told = `${shop.failures().join('\n')}\n${result.log}`
    expect(Object.keys(answers).sort(), told).toEqual(['good 200', 'old 200'])
    await serves(shop, 'good')
    const record = await shop.record()
    const live = await shop.live()
    expect(record?.state).toMatchObject({ phase: 'done', verdict: 'promoted' })
    expect(live && canonical(live.spec.template, 'shop').hash).toBe(record?.canary.hash)
    expect(result.outputs).toMatchObject({
      image: imageOf('good'),
      'previous-image': imageOf('old'),
      weight: '0',
      'rollback-seconds': '',
    })
    const report = JSON.parse(readFileSync(result.outputs.report ?? '', 'utf8'))
    const validate = new Ajv2020().compile(
      JSON.parse(readFileSync(join(import.meta.dirname, '../report.schema.json'), 'utf8')),
    )
    expect(validate(report), JSON.stringify(validate.errors)).toBe(true)
    expect(report).toMatchObject({
      verdict: 'promoted',
      details: {
        series: [{ name: 'errors', provider: 'pods', query: expect.stringContaining('http_requests_total') }],
      },
    })
    expect(report.details.looks.map(({ written }: { readonly written: number }) => written)).toContain(60)
    expect(result.log).toContain(report.details.planned?.[0]?.text)
    expect(readFileSync(result.outputs.page ?? '', 'utf8')).toMatch(/<h1>.*Promoted<\/h1>[\s\S]*class="evidence-line"/)
    expect(result.summary).toMatch(/^### Canary of `shop-\d+\/shop`: promoted/)
    const again = await shop.run({ image: imageOf('good') }, { GITHUB_RUN_ID: '101' })
    expect(verdictOf(again)).toEqual({ code: 0, verdict: 'promoted', reason: 'already-running' })
  })

  test('that fails one request in five is rolled back within seconds', async () => {
    const shop = await newStage()
    const result = await shop.run({ image: imageOf('errors') })
    expect(verdictOf(result), result.log).toEqual({ code: 1, verdict: 'rolled-back', reason: 'errors' })
    expect(await liveImage(shop)).toBe(imageOf('old'))
    expect(await shop.leftovers()).toEqual([])
    const answers = shop.answered()
    expect(answers['errors 500'], JSON.stringify(answers)).toBeLessThan(40)
    await serves(shop, 'old')
    const report = JSON.parse(readFileSync(result.outputs.report ?? '', 'utf8'))
    expect(report.details.zeroWeightSeconds).toBeLessThanOrEqual(3)
    expect(Number(result.outputs['rollback-seconds'])).toBeLessThan(8)
    expect(readFileSync(result.outputs.page ?? '', 'utf8')).toMatch(/<h1>.*Rolled back<\/h1>[\s\S]*limit reached at/)
    expect(report.reason.text).toMatch(/errors: canary [\d.]+ of [\d.]+ .*, baseline/)
  })

  test('whose pods never become ready gets no request', async () => {
    const shop = await newStage()
    const result = await shop.run({ image: imageOf('never-ready') })
    expect(verdictOf(result), result.log).toEqual({ code: 1, verdict: 'rolled-back', reason: 'not-ready' })
    expect(canaryAnswers(shop.answered())).toBe(0)
    expect(await shop.leftovers()).toEqual([])
  })

  test('whose pods crash under traffic is rolled back', async () => {
    const shop = await newStage()
    const result = await shop.run({ image: imageOf('crash') })
    expect(result.outputs.verdict, result.log).toBe('rolled-back')
    expect(['restarts', 'lost-readiness', 'crash-loop']).toContain(result.outputs['reason-code'])
    expect(await shop.leftovers()).toEqual([])
    await serves(shop, 'old')
  })

  test('that synthetic requests find broken is rolled back', async () => {
    const shop = await newStage()
    const plan = `${PLAN}\nprovider: probe\nprobe: { path: /, requests: 10 }`
    const result = await shop.run({ image: imageOf('errors'), plan })
    expect(verdictOf(result), result.log).toEqual({ code: 1, verdict: 'rolled-back', reason: 'errors' })
    expect(await shop.leftovers()).toEqual([])
  })

  test('of a service with few users counts enough by requests of its own, which it tells apart', async () => {
    const shop = await newStage()
    const few = PLAN.replace('min-requests: 40', 'min-requests: 80').replace('max-hold: 10s', 'max-hold: 4s')
    const ping = '{ name: ping, kind: ratio, provider: probe }'
    const plan = `${few.replace('kind: ratio }', `kind: ratio }, ${ping}`)}probe: { path: / }\n`
    const result = await shop.run({ image: imageOf('good'), plan })
    expect(verdictOf(result), result.log).toEqual({ code: 0, verdict: 'promoted', reason: 'promoted' })
    const { steps, metrics } = JSON.parse(readFileSync(result.outputs.report ?? '', 'utf8')).details
    expect(steps).toHaveLength(2)
    for (const step of steps) {
      expect(step.synthetic.canary).toBeGreaterThan(0)
      expect(step.synthetic.canary).toBeLessThan(step.canary)
      expect(step.canary).toBeGreaterThanOrEqual(80)
    }
    expect(metrics.map(({ name }: { readonly name: string }) => name)).toEqual(['errors', 'ping'])
    expect(metrics[1].canary.n).toBe(steps[0].synthetic.canary + steps[1].synthetic.canary)
  })

  test('that may not change the route ends as an error that says which rule would allow it', async () => {
    const shop = await newStage()
    const rules = rulesOfTheReadme().filter(
      ({ resources, verbs }) => !(resources.includes('httproutes') && verbs.includes('patch')),
    )
    const kubeconfig = sandbox.kubeconfig({ namespace: shop.namespace, token: sandbox.issueToken(rules) })
    const result = await shop.run({ image: imageOf('good'), kubeconfig })
    expect(verdictOf(result), result.log).toEqual({ code: 1, verdict: 'error', reason: 'environment' })
    expect(result.log).toMatch(/Not allowed to patch httproutes shop[\s\S]*resources: \["httproutes"\]/)
    expect(await shop.leftovers()).toEqual([])
    expect(canaryAnswers(shop.answered())).toBe(0)
  })

  test('without a router is split by its pods, and promoted', async () => {
    const shop = await newStage()
    const result = await shop.run({ image: imageOf('good'), router: 'replicas' })
    expect(verdictOf(result), result.log).toEqual({ code: 0, verdict: 'promoted', reason: 'promoted' })
    expect(await liveImage(shop)).toBe(imageOf('good'))
    expect(await shop.leftovers()).toEqual([])
    await serves(shop, 'good')
  })
})

describe('a run that is interrupted', { concurrent: true, timeout: 150_000 }, () => {
  test('as a runner cancels it is back at weight 0 within five seconds, and its post step clears up', async () => {
    const shop = await newStage()
    const { child, done } = shop.start({ image: imageOf('good') })
    await until(async () => (await shop.weight()) === 30)
    const signalled = Date.now()
    child.kill('SIGINT')
    const schedule = [setTimeout(() => child.kill('SIGTERM'), 7500), setTimeout(() => child.kill('SIGKILL'), 10_000)]
    const main = await done
    const took = Date.now() - signalled
    for (const timer of schedule) clearTimeout(timer)
    expect({ ...verdictOf(main), signal: main.signal }, main.log).toEqual({
      code: 1,
      verdict: 'error',
      reason: 'cancelled',
      signal: null,
    })
    expect(took).toBeLessThan(5000)
    expect(await shop.weight()).toBe(0)
    expect(main.state.phase).toBe('begun')

    const post = await shop.run({ image: imageOf('good') }, { STATE_phase: 'begun' })
    expect(verdictOf(post), post.log).toEqual({ code: 0, verdict: 'rolled-back', reason: 'cancelled' })
    expect(await shop.leftovers()).toEqual([])
    await serves(shop, 'old')
    const again = await shop.run({ image: imageOf('good') }, { STATE_phase: 'done' })
    expect(again).toMatchObject({ code: 0, log: 'nothing to look after\n' })
  })

  test('as a runner cancels it while it promotes leaves the promotion to its post step', async () => {
    const shop = await newStage()
    const { child, done } = shop.start({ image: imageOf('good') })
    await until(async () => (await shop.record())?.state.phase === 'promoting')
    child.kill('SIGINT')
    const main = await done
    expect({ code: main.code, signal: main.signal, phase: main.state.phase }, main.log).toEqual({
      code: 1,
      signal: null,
      phase: 'begun',
    })
    const post = await shop.run({ image: imageOf('good') }, { STATE_phase: 'begun' })
    expect(verdictOf(post), post.log).toEqual({ code: 0, verdict: 'promoted', reason: 'promoted' })
    expect(await liveImage(shop)).toBe(imageOf('good'))
    expect(await shop.leftovers()).toEqual([])
    expect(Object.keys(shop.answered()).sort(), shop.failures().join('\n')).toEqual(['good 200', 'old 200'])
  })

  test('by the death of its runner is cleared away by the next one, which then makes its own release', async () => {
    const shop = await newStage()
    const { child, done } = shop.start({ image: imageOf('errors') })
    await until(async () => (await shop.weight()) === 30)
    child.kill('SIGKILL')
    await done
    expect(await shop.weight()).toBe(30)
    const result = await shop.run({ image: imageOf('good') }, { GITHUB_RUN_ID: '101' })
    expect(verdictOf(result), result.log).toEqual({ code: 0, verdict: 'promoted', reason: 'promoted' })
    expect((await shop.record())?.history.map(({ verdict }) => verdict)).toEqual(['rolled-back', 'promoted'])
    expect(await shop.leftovers()).toEqual([])
  })

  test('by the death of its runner is resumed where it was', async () => {
    const shop = await newStage()
    const { child, done } = shop.start({ image: imageOf('good') })
    await until(async () => (await shop.record())?.state.phase === 'analysing')
    child.kill('SIGKILL')
    await done
    const began = (await shop.record())?.startedAt
    const result = await shop.run({ mode: 'resume' }, { GITHUB_RUN_ID: '101' })
    expect(verdictOf(result), result.log).toEqual({ code: 0, verdict: 'promoted', reason: 'promoted' })
    expect((await shop.record())?.startedAt).toBe(began)
    expect(await liveImage(shop)).toBe(imageOf('good'))
  })

  test('by nobody keeps the others out: a second run is busy, status reads, abort ends it', async () => {
    const shop = await newStage()
    const slow = { image: imageOf('good'), plan: PLAN_SLOW }
    const { done } = shop.start(slow)
    await until(async () => (await shop.record())?.state.phase === 'analysing')
    const before = (await shop.record())?.epoch
    const second = await shop.run({ image: imageOf('errors') }, { GITHUB_RUN_ID: '101' })
    expect(verdictOf(second), second.log).toEqual({ code: 1, verdict: 'error', reason: 'busy' })
    expect((await shop.record())?.epoch).toBe(before)
    const status = await shop.run({ mode: 'status' }, { GITHUB_RUN_ID: '102' })
    expect(status).toMatchObject({ code: 0, outputs: { 'reason-code': 'analysing' } })
    const abort = await shop.run({ mode: 'abort' }, { GITHUB_RUN_ID: '103' })
    expect(verdictOf(abort), abort.log).toEqual({ code: 0, verdict: 'rolled-back', reason: 'aborted' })
    const fenced = await done
    expect(verdictOf(fenced), fenced.log).toEqual({ code: 1, verdict: 'error', reason: 'taken-over' })
    expect(await shop.leftovers()).toEqual([])
    await serves(shop, 'old')
  })
})

describe('what cannot begin', { concurrent: true, timeout: 150_000 }, () => {
  test('changes nothing: a Deployment that is not there, all inputs that are wrong, a report folder that is none', async () => {
    const shop = await newStage()
    const missing = await shop.run({ image: imageOf('good'), deployment: 'shopp' })
    expect(missing.code).toBe(1)
    expect(missing.log).toMatch(/Deployment shop-\d+\/shopp does not exist.*first release\? Use the action deploy/)
    const wrong = await shop.run({ image: 'shop:latest', router: 'gateway', plan: 'intervall: 5s' })
    expect(wrong.log).toMatch(/image must name an image by digest/)
    expect(wrong.log).toMatch(/router unknown value "gateway"; known: gateway-api, istio, .*replicas/)
    expect(wrong.log).toMatch(/plan:1:1: unknown key "intervall"; did you mean "interval"\?/)
    const route = await shop.run({ image: imageOf('good'), route: 'nope' })
    expect(route).toMatchObject({ code: 1, outputs: { 'reason-code': 'input-fault' } })
    expect(route.log).toMatch(/nope/)
    expect(await shop.record()).toBeUndefined()
    expect(await shop.leftovers()).toEqual([])
    expect(canaryAnswers(shop.answered())).toBe(0)
  })

  test('says how much a quota leaves and how much is needed, before a pod is refused for it', async () => {
    const shop = await newStage()
    const pods = (await shop.live())?.spec.replicas ?? 0
    const most = Math.ceil(0.6 * pods)
    const metadata = { name: 'team', namespace: shop.namespace }
    // Room for the canary at its largest, none for the one pod more that the promotion's roll-out begins with.
    const spec = { hard: { pods: String(pods + most) } }
    const quotas = { apiVersion: 'v1', resource: 'resourcequotas', namespace: shop.namespace }
    await shop.cluster.create(quotas, { apiVersion: 'v1', kind: 'ResourceQuota', metadata, spec })
    type Quota = KubernetesObject & { status?: { used?: { pods?: string } } }
    await until(async () => (await shop.cluster.get<Quota>(quotas, 'team'))?.status?.used?.pods === String(pods))
    const { code, log } = await shop.run({ image: imageOf('good') })
    expect(code).toBe(1)
    expect(log).toContain(
      `ResourceQuota team leaves ${most} of ${pods + most} pods; the release needs ${most + 1}: ${most} canary pods and 1 of promotion's surge`,
    )
    expect(log).toContain(`Raise it to ${pods + most + 1}`)
    expect(await shop.record()).toBeUndefined()
    expect(await shop.leftovers()).toEqual([])
  })

  test('says which right is missing, and the rule that would give it', async () => {
    const shop = await newStage()
    const token = sandbox.issueToken([
      { apiGroups: ['', 'apps'], resources: ['services', 'configmaps'], verbs: ['get', 'list'] },
    ])
    const kubeconfig = sandbox.kubeconfig({ namespace: shop.namespace, token })
    const result = await shop.run({ image: imageOf('good'), kubeconfig })
    expect(result).toMatchObject({ code: 1, outputs: { verdict: 'error' } })
    expect(result.log).toMatch(/Not allowed to get deployments shop in namespace shop-\d+.*403/)
    expect(result.log).toMatch(/verbs: \["get"\]/)
    expect(await shop.record()).toBeUndefined()
  })

  test('is a token that ends before the release can have, or has ended; both times are told, and nothing is written', async () => {
    const shop = await newStage()
    const jwt = (seconds: number): string => {
      const claims = JSON.stringify({ sub: 'ci', exp: Math.floor(Date.now() / 1000) + seconds })
      return `e30.${Buffer.from(claims).toString('base64url')}.c2ln`
    }
    const started = async (seconds: number) => {
      const token = sandbox.issueToken(rulesOfTheReadme(), { token: jwt(seconds) })
      const kubeconfig = sandbox.kubeconfig({ namespace: shop.namespace, token })
      const result = await shop.run({ image: imageOf('good'), kubeconfig, plan: PLAN_SLOW })
      expect(result).toMatchObject({ code: 1, outputs: { verdict: 'error', 'reason-code': 'input-fault' } })
      expect(result.log).not.toContain(token)
      return result.log
    }
    const time = '\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ'
    expect(await started(600)).toMatch(
      new RegExp(`token ends at ${time}, and nothing renews it; this release may take until ${time}`),
    )
    expect(await started(-60)).toMatch(new RegExp(`token ended at ${time}. Get a new one. Best is a kubeconfig`))
    expect(await shop.record()).toBeUndefined()
    expect(await shop.leftovers()).toEqual([])
  })

  test('is told before it begins, a report that cannot be written after it ended', async () => {
    const shop = await newStage()
    const result = await shop.run({ mode: 'status' }, { RUNNER_TEMP: '/dev/null' })
    expect(result.code).toBe(0)
    expect(result.log).toMatch(/report could not be written to \/dev\/null\/sluice/)
    expect(result.log).toMatch(/page could not be written to \/dev\/null\/sluice/)
    expect(existsSync('/dev/null/sluice')).toBe(false)
  })
})

const rulesOfTheReadme = (): PolicyRule[] => {
  const readme = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8')
  const [, role = ''] = /```yaml\n(apiVersion: rbac[\s\S]*?)```/.exec(readme) ?? []
  return parse(role).rules
}

const PLAN_SLOW = `
steps: [{ weight: 30, hold: 60s }]
interval: 500ms
lease: 3s
drain: 2s
ready-within: 6s
min-canary: 1
metrics: [{ name: errors, kind: ratio }]
`
