import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RunTrace } from '@sluice/runner/trace'
import { type Sandbox, startSandbox } from '@sluice/sandbox/sandbox'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { parse } from 'yaml'
import { images, RELEASES, sleep, until } from '../../actions/canary-promote/test/stage.ts'
import { type Changes, job, outcome, PLAN, recorded, type Scene, setScene } from './scene.ts'

const { old, good, errors, 'never-ready': neverReady } = RELEASES
/** Another good release, newer than `good`. */
const better = `sha256:${'9'.repeat(64)}` as const

vi.setConfig({ testTimeout: 120_000 })

let sandbox: Sandbox
beforeAll(async () => {
  const known = images()
  const like = known[good]
  sandbox = await startSandbox({
    images: { ...known, [better]: { command: like?.command ?? [], env: { VERSION: 'better', FAULT: 'none' } } },
    namespaces: Array.from({ length: 48 }, (_, index) => `scene-${index + 1}`),
  })
})
afterAll(() => sandbox.stop())

let scenes = 0
/** Plays one scenario in namespaces of its own, and shows the run's log when it does not end as it should. */
const scene = async (changes: Changes, play: (scene: Scene) => Promise<void>): Promise<void> => {
  scenes += 1
  const set = await setScene(sandbox, `scene-${scenes}`, changes)
  try {
    await play(set)
  } catch (thrown) {
    process.stderr.write(`${set.log()}\n`)
    throw thrown
  } finally {
    await set.end()
  }
}

/** All of production at one image, fully available, with no canary, no weight and no mark left, and only its answers to the clients. */
const atRest = async ({ stage, inProduction }: Scene, digest: string): Promise<void> => {
  expect(await inProduction()).toBe(digest)
  expect(await stage.weight()).toBe(0)
  expect(await stage.leftovers()).toEqual([])
  const live = await stage.live()
  expect(live?.status?.availableReplicas).toBe(live?.spec.replicas)
  const version = { [old]: 'old', [good]: 'good', [better]: 'better' }[digest]
  let seen = await answers(stage)
  // A machine that is too busy may lose answers for a while; those of another version are never forgiven.
  for (let again = 0; again < 5 && seen.some((each) => LOST.has(each)); again += 1) {
    expect(seen.filter((each) => !LOST.has(each) && each !== `${version} 200`)).toEqual([])
    seen = await answers(stage)
  }
  expect(seen).toEqual([`${version} 200`])
}

const LOST = new Set(['no answer', 'cut off', 'no ready endpoint of 503'])

/** What the clients are answered from now on, by what at least fifteen of them were. */
const answers = async ({ answered }: Scene['stage']): Promise<readonly string[]> => {
  answered()
  const seen = new Map<string, number>()
  await until(() => {
    for (const [answer, count] of Object.entries(answered())) seen.set(answer, (seen.get(answer) ?? 0) + count)
    return [...seen.values()].reduce((sum, count) => sum + count, 0) >= 15
  })
  return [...seen.keys()]
}

/** Takes production away: as before the first release of all. */
const emptied = async ({ stage, inProduction }: Scene): Promise<void> => {
  await stage.cluster.remove({ apiVersion: 'apps/v1', resource: 'deployments', namespace: stage.namespace }, 'shop')
  await until(async () => (await inProduction()) === '')
}
/** The Deployment goes on by itself whoever watches it. */
const settled = async ({ stage }: Scene): Promise<void> =>
  until(async () => {
    const live = await stage.live()
    return live?.status?.availableReplicas === live?.spec.replicas
  })
const weighted = async ({ stage }: Scene): Promise<void> => until(async () => (await stage.weight()) > 0)
const phase = async ({ stage }: Scene): Promise<string> => (await stage.record())?.state.phase ?? ''
const promoting = async (set: Scene): Promise<void> => until(async () => (await phase(set)) === 'promoting')

describe.concurrent('a delivery', () => {
  test('of a good release ends promoted, and the outcome is green', () =>
    scene({ approval: 'environment' }, async (set) => {
      const trace = await set.push(good).done
      expect(outcome(trace)).toBe('pass delivered')
      expect(trace.conclusion).toBe('success')
      expect(job(trace, 'recover').conclusion).toBe('skipped')
      await atRest(set, good)
      expect(await set.inStaging()).toBe(good)
      expect(recorded(set)).toEqual([`${good} success`])
    }))

  test('of the first release of all deploys it, and pretends no canary', () =>
    scene({}, async (set) => {
      await emptied(set)
      const trace = await set.push(good).done
      expect(outcome(trace)).toBe('pass first-release')
      await atRest(set, good)
    }))

  test('of a bad release ends rolled back, and the outcome is red', () =>
    // Until enough was seen, however slow the machine is.
    scene({ plan: { ...PLAN, 'min-requests': 150, 'max-hold': '60s' } }, async (set) => {
      const trace = await set.push(errors).done
      expect(outcome(trace)).toBe('fail rolled-back')
      expect(trace.conclusion).toBe('failure')
      await atRest(set, old)
      expect(recorded(set)).toEqual([`${errors} failure`])
    }))

  test('whose smoke test fails stops at staging', () =>
    scene({ smoke: [{ name: 'is missing', path: '/', expect: { status: 404 } }] }, async (set) => {
      const trace = await set.push(good).done
      expect(outcome(trace)).toBe('fail stage-failed')
      expect(await set.inStaging()).toBe(good)
      await atRest(set, old)
    }))

  test('whose checks fail deploys nothing anywhere', () =>
    scene({ checks: [{ name: 'lint', run: 'echo "a.ts:1: wrong"; exit 3' }] }, async (set) => {
      const trace = await set.push(good).done
      expect(outcome(trace)).toBe('fail checks-failed')
      expect(await set.inStaging()).toBe('')
      await atRest(set, old)
    }))

  test('that a reviewer refuses leaves production alone', () =>
    scene({ approval: 'environment', approve: async () => 'rejected' }, async (set) => {
      const trace = await set.push(good).done
      expect(outcome(trace)).toBe('fail not-approved')
      expect(job(trace, 'recover').conclusion).toBe('skipped')
      await atRest(set, old)
    }))

  test('whose plan GitHub drops, because a secret is part of it, deploys nothing and says why', () =>
    scene({ secrets: { ACCOUNT: 'registry.test' } }, async (set) => {
      const trace = await set.push(good).done
      expect(job(trace, 'plan').droppedOutputs).toContain('plan')
      expect(outcome(trace)).toBe('fail output-dropped')
      expect(await set.inStaging()).toBe('')
      await atRest(set, old)
    }))

  test('whose digest GitHub drops, because an account number is part of it, deploys nothing and says why', () =>
    scene({ secrets: { ACCOUNT: '9'.repeat(12) } }, async (set) => {
      const trace = await set.push(better).done
      expect(trace.jobs.find(({ path }) => path === 'package')?.droppedOutputs).toEqual(['digest'])
      // Of a service that this workflow could build, an empty digest would ask for that; of this one it is a mistake, whatever made it empty.
      expect(outcome(trace)).toBe('fail plan-error')
      const plan = trace.jobs.find(({ path }) => path === 'deliver / plan')
      expect(JSON.stringify(plan?.annotations)).toContain('GitHub drops an output that holds text it masks')
      expect(await set.inStaging()).toBe('')
      await atRest(set, old)
    }))
})

describe.concurrent('a delivery that is cancelled', () => {
  const cancelled = async (set: Scene, digest: string, when: (set: Scene) => Promise<unknown>): Promise<RunTrace> => {
    const run = set.push(digest)
    await when(set)
    run.cancel()
    const trace = await run.done
    expect(trace.conclusion).toBe('cancelled')
    return trace
  }
  const begun = (end: string) => (set: Scene) =>
    set.platform.runs.at(-1)?.started(end) ?? Promise.reject(new Error(end))

  test('while it is planned deploys nothing', () =>
    scene({}, async (set) => {
      const trace = await cancelled(set, good, begun('plan'))
      expect(outcome(trace)).toBe('fail cancelled')
      expect(await set.inStaging()).toBe('')
      await atRest(set, old)
    }))

  test('during its checks deploys nothing', () =>
    scene({ checks: [{ name: 'long', run: 'sleep 60' }] }, async (set) => {
      const trace = await cancelled(set, good, async (it) => {
        await begun('checks / checks')(it)
        await until(() => it.log().includes('sleep 60'))
      })
      expect(outcome(trace)).toBe('fail cancelled')
      expect(await set.inStaging()).toBe('')
      await atRest(set, old)
    }))

  test('while staging waits for its pods leaves production alone', () =>
    scene({}, async (set) => {
      const trace = await cancelled(set, neverReady, (it) => until(async () => (await it.inStaging()) === neverReady))
      expect(outcome(trace)).toBe('fail cancelled')
      await atRest(set, old)
    }))

  test('while a reviewer thinks leaves production alone', () =>
    scene({ approval: 'environment', approve: () => new Promise(() => {}) }, async (set) => {
      const trace = await cancelled(set, good, (it) =>
        until(async () => (await it.inStaging()) === good).then(() => sleep(2500)),
      )
      expect(outcome(trace)).toBe('fail cancelled')
      await atRest(set, old)
    }))

  test('while the canary has traffic gives it all back', () =>
    scene({}, async (set) => {
      const trace = await cancelled(set, good, weighted)
      expect(outcome(trace)).toMatch(/^fail (cancelled|rolled-back)$/)
      await atRest(set, old)
    }))

  test('while it is promoted ends promoted, for stable may already be half new', () =>
    scene({}, async (set) => {
      const trace = await cancelled(set, good, promoting)
      expect(outcome(trace)).toBe('pass delivered')
      await atRest(set, good)
      expect(recorded(set)).toEqual([`${good} success`])
    }))

  test('while the first release of all is deployed leaves that one, which is all there is', () =>
    scene({}, async (set) => {
      await emptied(set)
      const trace = await cancelled(set, good, (it) => until(async () => (await it.inProduction()) === good))
      expect(outcome(trace)).toMatch(/^fail /)
      await settled(set)
      await atRest(set, good)
    }))

  test('while the job beside its dead canary takes it back is taken back all the same', () =>
    scene({}, async (set) => {
      const trace = await cancelled(set, good, async (it) => {
        await weighted(it)
        it.platform.runs.at(-1)?.kill('canary / canary')
        await begun('recover')(it)
      })
      expect(job(trace, 'recover').conclusion).toBe('success')
      expect(outcome(trace)).toMatch(/^fail (rolled-back|canary-lost)$/)
      await atRest(set, old)
    }))

  test('when it is already promoted stays promoted, and is recorded so', () =>
    scene({}, async (set) => {
      const trace = await cancelled(set, good, begun('canary / record'))
      expect(outcome(trace)).toBe('pass delivered')
      await atRest(set, good)
    }))
})

describe.concurrent('a delivery whose runner dies', () => {
  const killed = async (
    set: Scene,
    ends: readonly string[],
    when: (set: Scene) => Promise<unknown> = () => Promise.resolve(),
  ) => {
    const run = set.push(good)
    await when(set)
    for (const end of ends) {
      await run.started(end)
      run.kill(end)
    }
    return run.done
  }

  test('while it is planned deploys nothing', () =>
    scene({}, async (set) => {
      const trace = await killed(set, ['plan'])
      expect(outcome(trace)).toBe('fail plan-error')
      expect(await set.inStaging()).toBe('')
      await atRest(set, old)
    }))

  test('during its checks deploys nothing', () =>
    scene({ checks: [{ name: 'long', run: 'sleep 60' }] }, async (set) => {
      const trace = await killed(set, ['checks / checks'], (it) => until(() => it.log().includes('sleep 60')))
      expect(trace.conclusion).toBe('failure')
      expect(outcome(trace)).toBe('fail checks-error')
      expect(await set.inStaging()).toBe('')
      await atRest(set, old)
    }))

  test('in staging leaves production alone', () =>
    scene({}, async (set) => {
      const trace = await killed(set, ['stage / stage'], (it) => until(async () => (await it.inStaging()) === good))
      expect(outcome(trace)).toBe('fail stage-error')
      await atRest(set, old)
    }))

  test('when a reviewer has said yes leaves production alone', () =>
    scene({ approval: 'environment' }, async (set) => {
      const trace = await killed(set, ['canary / approve'])
      expect(job(trace, 'canary / canary').conclusion).toBe('skipped')
      expect(outcome(trace)).toMatch(/^fail /)
      await atRest(set, old)
    }))

  test('while the first release of all is deployed leaves that one, which is all there is', () =>
    scene({}, async (set) => {
      await emptied(set)
      const trace = await killed(set, ['canary / canary'], (it) =>
        until(async () => (await it.inProduction()) === good),
      )
      expect(outcome(trace)).toBe('fail canary-lost')
      await settled(set)
      await atRest(set, good)
    }))

  test('while the canary has traffic is taken back by the job beside it', () =>
    scene({}, async (set) => {
      const trace = await killed(set, ['canary / canary'], weighted)
      expect(job(trace, 'recover').conclusion).toBe('success')
      expect(outcome(trace)).toMatch(/^fail (rolled-back|canary-lost)$/)
      await atRest(set, old)
      expect(recorded(set)).toEqual([`${good} failure`])
    }))

  test('while it is promoted is carried on by the job beside it', () =>
    scene({}, async (set) => {
      const trace = await killed(set, ['canary / canary'], promoting)
      expect(job(trace, 'recover').conclusion).toBe('success')
      expect(outcome(trace)).toBe('pass delivered')
      await atRest(set, good)
      expect(recorded(set)).toEqual([`${good} success`])
    }))

  test('while it records its end leaves what was promoted, and is red: nobody said that it was', () =>
    scene({}, async (set) => {
      const trace = await killed(set, ['canary / record'])
      expect(outcome(trace)).toBe('fail canary-lost')
      expect(trace.conclusion).toBe('failure')
      await atRest(set, good)
    }))

  test('at its very end leaves what was promoted, and is red', () =>
    scene({}, async (set) => {
      const trace = await killed(set, ['outcome'])
      expect(trace.conclusion).toBe('failure')
      await atRest(set, good)
    }))

  test('together with the one beside it is taken back by the reap workflow', () =>
    scene({}, async (set) => {
      const trace = await killed(set, ['canary / canary', 'recover'], weighted)
      expect(outcome(trace)).toBe('fail canary-lost')
      expect(await set.stage.weight()).toBeGreaterThan(0)
      // The dead owner's lease has to run out first.
      await sleep(3500)
      const reap = await set.platform.dispatch('reap.yml').done
      expect(reap.conclusion).toBe('success')
      await atRest(set, old)
    }))
})

describe.concurrent('a credential that ends while the canary is held', () => {
  const everything = [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }]

  test('is renewed where it can be, and the release is promoted', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-credential-'))
    const credential = join(folder, 'credential.json')
    const apiVersion = 'client.authentication.k8s.io/v1'
    const give = (token: string): void =>
      writeFileSync(credential, JSON.stringify({ apiVersion, kind: 'ExecCredential', status: { token } }))
    const config = parse(sandbox.kubeconfig())
    const exec = { apiVersion, command: 'cat', args: [credential], interactiveMode: 'Never' }
    const kubeconfig = JSON.stringify({ ...config, users: [{ name: config.users[0].name, user: { exec } }] })
    const first = sandbox.issueToken(everything)
    give(first)
    try {
      await scene({ kubeconfigs: { production: kubeconfig } }, async (set) => {
        const run = set.push(good)
        await weighted(set)
        give(sandbox.issueToken(everything))
        sandbox.revokeToken(first)
        expect(outcome(await run.done)).toBe('pass delivered')
        await atRest(set, good)
      })
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test('and cannot be renewed ends in the release being taken back with another one', () => {
    const token = sandbox.issueToken(everything)
    return scene({ kubeconfigs: { production: sandbox.kubeconfig({ token }) } }, async (set) => {
      const run = set.push(good)
      await weighted(set)
      sandbox.revokeToken(token)
      const trace = await run.done
      expect(job(trace, 'canary / canary').conclusion).toBe('failure')
      expect(job(trace, 'recover').conclusion).toBe('success')
      expect(outcome(trace)).toMatch(/^fail /)
      await atRest(set, old)
    })
  })
})

describe.concurrent('a second push', () => {
  test('while the first one has traffic waits, and is released after it', () =>
    scene({}, async (set) => {
      const first = set.push(good)
      await weighted(set)
      const second = set.push(better)
      expect(outcome(await first.done)).toBe('pass delivered')
      expect(outcome(await second.done)).toBe('pass delivered')
      await atRest(set, better)
    }))

  test('that was released before the first one was approved supersedes it', () => {
    const waiting = new Map<number, (answer: 'approved') => void>()
    const approve = ({ run }: { readonly run: number }): Promise<'approved'> =>
      new Promise((resolve) => waiting.set(run, resolve))
    return scene({ approval: 'environment', approve }, async (set) => {
      const first = set.push(good)
      await until(() => waiting.has(first.id))
      const second = set.push(better)
      await until(() => waiting.has(second.id))
      waiting.get(second.id)?.('approved')
      expect(outcome(await second.done)).toBe('pass delivered')
      waiting.get(first.id)?.('approved')
      expect(outcome(await first.done)).toBe('fail superseded')
      await atRest(set, better)
    })
  })
})

describe.concurrent('a rollback by hand', () => {
  test('ends what is in flight, whoever runs it', () =>
    scene({}, async (set) => {
      const run = set.push(good)
      await weighted(set)
      const rollback = await set.platform.dispatch('rollback.yml').done
      expect([rollback.conclusion, job(rollback, 'rollback').outputs.verdict]).toEqual(['success', 'rolled-back'])
      const trace = await run.done
      expect(trace.conclusion).toBe('failure')
      await atRest(set, old)
    }))

  test('after a promotion puts the digest there that is asked for, and the next release starts from it', () =>
    scene({}, async (set) => {
      await set.push(good).done
      const rollback = await set.platform.dispatch('rollback.yml', { digest: old }).done
      expect([rollback.conclusion, job(rollback, 'rollback').outputs.verdict]).toEqual(['success', 'rolled-back'])
      await atRest(set, old)
      expect(recorded(set)).toEqual([`${good} inactive`, `${old} success`])
      expect(outcome(await set.push(better).done)).toBe('pass delivered')
      await atRest(set, better)
    }))

  test('with nothing in flight and no digest changes nothing', () =>
    scene({}, async (set) => {
      const rollback = await set.platform.dispatch('rollback.yml').done
      expect([rollback.conclusion, job(rollback, 'rollback').outputs.verdict]).toEqual(['success', 'nothing-to-check'])
      await atRest(set, old)
    }))
})
