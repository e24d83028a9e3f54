import type { Command, ReleaseRecord } from '@sluice/release/record'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Ports } from '../src/ports.ts'
import { RELEASE } from '../src/rollout-world.ts'
import { type Asked, run } from '../src/run.ts'
import { DIGEST } from './objects.ts'
import { rolloutStage } from './rollout-controller.ts'
import { asked as askedFor, owner, plan } from './simulation.ts'

type Stage = Awaited<ReturnType<typeof rolloutStage>>

const healthy = { errors: { baseline: 0.002, canary: 0.002 } }
const bad = { errors: { baseline: 0.002, canary: 0.2 } }
const asked = (more: Partial<Asked> = {}): Asked => askedFor({ router: 'argo-rollouts', ...more })

let stage: Stage
beforeEach(async () => {
  stage = await rolloutStage(healthy)
})
afterEach(() => stage.stop())

const imageNow = (): string => stage.live().spec.template.spec.containers[0]?.image ?? ''
const old = () => expect(imageNow()).toContain(DIGEST('a'))
/** Nothing of a release is under way, aborted or marked. */
const atRest = (): void => {
  const { status = {}, metadata } = stage.live()
  expect(status).toMatchObject({ phase: 'Healthy', stableRS: status.currentPodHash })
  expect(status.abort).toBeUndefined()
  expect(metadata.annotations?.[RELEASE]).toBeUndefined()
  expect(stage.weights.at(-1) ?? 0).toBe(0)
}

/** A run whose process is killed when it is about to do something, or has just done it: nothing of it reaches the cluster any more. */
const dying = (ports: Ports, when: 'before' | 'after', at: (command: Command) => boolean): Ports => {
  let dead = false
  const living =
    <Args extends readonly unknown[], T>(act: (...args: Args) => Promise<T>) =>
    async (...args: Args): Promise<T> => {
      if (dead) throw new Error('killed')
      return act(...args)
    }
  const perform = async (command: Command, record: ReleaseRecord) => {
    dead = when === 'before' && at(command)
    if (dead) throw new Error('killed')
    const result = await ports.cluster.perform(command, record)
    dead = when === 'after' && at(command)
    if (dead) throw new Error('killed')
    return result
  }
  return {
    ...ports,
    record: { load: living(ports.record.load), save: living(ports.record.save) },
    cluster: { ...ports.cluster, observe: living(ports.cluster.observe), perform: living(perform) },
  }
}

type Template = Parameters<Stage['setSpec']>[0] extends { readonly template?: infer T } ? NonNullable<T> : never

describe('a release of a Rollout', () => {
  test('that is as good as its baseline goes step by step, and is promoted once the Rollout is healthy with the analysed template', async () => {
    const end = await run(asked(), stage.ports())
    expect(end).toMatchObject({ verdict: 'promoted', ok: true })
    expect(imageNow()).toContain(DIGEST('b'))
    expect(stage.live().status).toMatchObject({ stableRS: 'b', currentPodHash: 'b' })
    expect(stage.weights).toEqual([10, 50, 0])
    atRest()
  })

  test('that fails is aborted first, then the previous template is put back, and no pod of it is left', async () => {
    stage.sim.change(bad)
    const templates: string[] = []
    const ports = stage.ports()
    const end = await run(asked(), {
      ...ports,
      cluster: {
        ...ports.cluster,
        perform: async (command, record) => {
          const result = await ports.cluster.perform(command, record)
          templates.push(
            `${command.do} ${stage.live().status?.abort === true ? 'aborted' : ''} ${imageNow().slice(-1)}`,
          )
          return result
        },
      },
    })
    expect(end).toMatchObject({ verdict: 'rolled-back', reason: { code: 'errors' }, ok: false })
    expect(templates).toContain('weight aborted b')
    expect(templates.indexOf('weight aborted b')).toBeLessThan(templates.indexOf('scale aborted a'))
    old()
    expect(stage.pods('b')).toBe(0)
    atRest()
  })

  test('whose pods never become ready gets no request', async () => {
    stage.setReady(false)
    expect(await run(asked(), stage.ports())).toMatchObject({ verdict: 'rolled-back', reason: { code: 'not-ready' } })
    expect(stage.weights).toEqual([0])
    old()
    atRest()
  })

  test('that no controller takes ends as an error of the environment, with the previous template back', async () => {
    stage.kill()
    const end = await run(asked(), stage.ports())
    expect(end).toMatchObject({ verdict: 'error', reason: { code: 'environment' } })
    expect(end.reason.text).toContain('has not taken generation')
    old()
  })

  test('makes nothing of its own: no Deployment, no Service', async () => {
    await run(asked(), stage.ports())
    expect(stage.server.writes).toEqual([])
  })
})

describe('what others do to the Rollout meanwhile', () => {
  test('an abort ends the release as rolled back, with its message, and the previous template back', async () => {
    stage.sim.after(8000, () =>
      stage.write({ abort: true, message: 'RolloutAborted: metric "errors" assessed Failed' }),
    )
    const end = await run(asked(), stage.ports())
    expect(end).toMatchObject({ verdict: 'rolled-back', reason: { code: 'rollout-aborted' } })
    expect(end.reason.text).toContain('metric "errors" assessed Failed')
    old()
    atRest()
  })

  test('another image is theirs: superseded, neither aborted nor overwritten', async () => {
    stage.sim.after(8000, () => stage.setTemplate('c'))
    expect(await run(asked(), stage.ports())).toMatchObject({ verdict: 'superseded' })
    expect(imageNow()).toContain(DIGEST('c'))
    expect(stage.live().status).toMatchObject({ currentPodHash: 'c' })
    expect(stage.live().status?.abort).toBeUndefined()
    expect(stage.live().metadata.annotations?.[RELEASE]).toBeUndefined()
  })

  test('the previous template put back is not fought', async () => {
    stage.sim.after(8000, () => stage.setTemplate('a'))
    const writes: string[] = []
    const ports = stage.ports()
    const end = await run(asked(), {
      ...ports,
      cluster: {
        ...ports.cluster,
        perform: (command, record) => {
          writes.push(command.do)
          return ports.cluster.perform(command, record)
        },
      },
    })
    expect(end.verdict).toBe('rolled-back')
    expect(end.reason.code).toMatch(/rollout-reverted|lost-readiness/)
    expect(writes.filter((each) => each === 'apply')).toHaveLength(1)
    old()
    atRest()
  })

  test('a step that was promoted too early is taken back to its weight', async () => {
    stage.sim.after(8000, () => stage.write({ pauseConditions: [] }))
    expect(await run(asked(), stage.ports())).toMatchObject({ verdict: 'promoted' })
    expect(stage.weights).toEqual([10, 50, 10, 50, 0])
    atRest()
  })

  test('and the second time is too often: back, with both times said', async () => {
    stage.sim.after(8000, () => stage.write({ pauseConditions: [] }))
    stage.sim.after(16_000, () => stage.write({ pauseConditions: [] }))
    expect(await run(asked(), stage.ports())).toMatchObject({ verdict: 'error' })
    expect(stage.weights.slice(0, 4)).toEqual([10, 50, 10, 50])
    old()
    atRest()
  })

  test('an autoscaler of the Rollout is kept from shrinking it, and gets its own values back', async () => {
    const path = '/apis/autoscaling/v2/namespaces/prod/horizontalpodautoscalers/shop'
    const spec = { scaleTargetRef: { kind: 'Rollout', name: 'shop' }, minReplicas: 1, maxReplicas: 9 }
    stage.server.put(path, {
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      metadata: { name: 'shop', namespace: 'prod' },
      spec,
    })
    let frozen: unknown
    stage.sim.after(8000, () => {
      frozen = stage.server.at(path)?.spec
    })
    expect(await run(asked(), stage.ports())).toMatchObject({ verdict: 'promoted' })
    expect(frozen).toMatchObject({ behavior: { scaleDown: { selectPolicy: 'Disabled' } } })
    expect(stage.server.at(path)?.spec).toEqual(spec)
  })

  test('a full promotion by hand is theirs', async () => {
    stage.sim.after(8000, () => stage.write({ promoteFull: true }))
    expect(await run(asked(), stage.ports())).toMatchObject({ verdict: 'superseded' })
    expect(imageNow()).toContain(DIGEST('b'))
    atRest()
  })

  test('a pause by hand holds the release up, and the way back lifts it', async () => {
    stage.sim.after(8000, () => stage.setSpec({ paused: true }))
    stage.sim.after(9000, () => stage.sim.change(bad))
    expect(await run(asked(), stage.ports())).toMatchObject({ verdict: 'rolled-back' })
    expect(stage.live().spec.paused).toBe(false)
    old()
    atRest()
  })

  test('a Rollout that was deleted ends the release', async () => {
    stage.sim.after(8000, () => stage.server.remove('/apis/argoproj.io/v1alpha1/namespaces/prod/rollouts/shop'))
    stage.sim.after(8000, () => stage.kill())
    expect(await run(asked(), stage.ports())).toMatchObject({ verdict: 'superseded' })
  })
})

describe('a run that ends too early', () => {
  const dies = async (when: 'before' | 'after', at: (command: Command) => boolean): Promise<void> => {
    await expect(run(asked(), dying(stage.ports(), when, at))).rejects.toThrow('killed')
    stage.sim.expire()
  }
  const reap = () => run(asked({ mode: 'reap', owner: owner('101') }), stage.ports())

  test.each(['before', 'after'] as const)('%s the template was written: reaped back', async (when) => {
    await dies(when, ({ do: what }) => what === 'apply')
    expect(await reap()).toMatchObject({ verdict: 'rolled-back', reason: { code: 'reaped' } })
    old()
    atRest()
  })

  test('with a weight on the canary: reaped back, the weight gone', async () => {
    await dies('after', (command) => command.do === 'weight' && command.to === 50)
    for (let looks = 0; looks < 5; looks++) stage.look()
    expect(stage.weights.at(-1)).toBe(50)
    expect(await reap()).toMatchObject({ verdict: 'rolled-back', reason: { code: 'reaped' } })
    old()
    atRest()
  })

  test('resumed, goes on where it was', async () => {
    await dies('after', (command) => command.do === 'weight' && command.to === 50)
    expect(await run(asked({ mode: 'resume', owner: owner('101') }), stage.ports())).toMatchObject({
      verdict: 'promoted',
    })
    atRest()
  })

  test.each(['before', 'after'] as const)('%s the promotion was asked for: carried through', async (when) => {
    await dies(when, ({ do: what }) => what === 'write-stable')
    expect(await reap()).toMatchObject({ verdict: 'promoted' })
    expect(stage.live().status).toMatchObject({ stableRS: 'b' })
    atRest()
  })

  test.each(['before', 'after'] as const)('%s the abort: back all the same', async (when) => {
    stage.sim.change(bad)
    await dies(when, (command) => command.do === 'weight' && command.to === 0)
    expect(await reap()).toMatchObject({ verdict: 'rolled-back', reason: { code: 'errors' } })
    old()
    atRest()
  })

  test('and wakes up after it was taken over writes nothing', async () => {
    await dies('after', ({ do: what }) => what === 'apply')
    const before = stage.sim.record()
    await reap()
    if (before === undefined) throw new Error('no record')
    const result = await stage.ports().cluster.perform({ do: 'apply', role: 'canary', replicas: 0 }, before)
    expect(result).toMatchObject({ kind: 'refused', cause: 'fenced' })
    old()
  })

  test('cancelled before the first weight, aborts what its controller is about to raise', async () => {
    const ports = stage.ports()
    const cancelled = new AbortController()
    const end = await run(asked(), {
      ...ports,
      cancelled: cancelled.signal,
      cluster: {
        ...ports.cluster,
        perform: async (command, record) => {
          const result = await ports.cluster.perform(command, record)
          if (command.do === 'apply') {
            stage.look()
            cancelled.abort()
          }
          return result
        },
      },
    })
    expect(end).toMatchObject({ verdict: 'error', reason: { code: 'cancelled' } })
    expect(stage.live().status?.abort).toBe(true)
    stage.sim.expire()
    await reap()
    old()
    atRest()
  })

  test('an abort in the middle of the promotion gives the previous template back, also once the controller carried it through', async () => {
    await dies('after', ({ do: what }) => what === 'write-stable')
    for (let looks = 0; looks < 4; looks++) stage.look()
    expect(stage.live().status).toMatchObject({ stableRS: 'b' })
    const end = await run(asked({ mode: 'abort', owner: owner('102') }), stage.ports())
    expect(end).toMatchObject({ verdict: 'rolled-back', reason: { code: 'aborted' } })
    old()
    expect(stage.live().status).toMatchObject({ stableRS: 'a' })
    expect(stage.pods('b')).toBe(0)
    atRest()
  })
})

describe('what is refused before anything is written', () => {
  const refusal = async (weights = [10, 50], more: Partial<Asked> = {}): Promise<string> => {
    const said = await run(asked(more), stage.ports(weights)).then(
      (end) => `began: ${end.verdict}`,
      (thrown: Error) => thrown.message,
    )
    expect(stage.sim.record()).toBeUndefined()
    expect(stage.server.patches).toEqual([])
    return said
  }

  test('steps that are not the plan’s, with those to put there', async () => {
    const said = await refusal([25], { plan: plan({ steps: [{ weight: 25, hold: 1000 }] }) })
    expect(said).toContain('there is no setWeight 25')
    expect(said).toContain('      - setWeight: 25\n      - pause: {}')
  })

  test('a plan that mirrors', async () => {
    expect(await refusal([0, 10, 50])).toContain('Put setMirrorRoute into the Rollout')
  })

  test('one that Argo CD keeps as Git has it, with the fields to leave alone', async () => {
    const path = '/apis/argoproj.io/v1alpha1/namespaces/prod/rollouts/shop'
    const id = { 'argocd.argoproj.io/tracking-id': 'shop:argoproj.io/Rollout:prod/shop' }
    stage.server.put(path, { ...stage.live(), metadata: { ...stage.live().metadata, annotations: id } })
    const said = await refusal()
    expect(said).toContain("Rollout shop is kept by Argo CD's Application shop")
    expect(said).toContain('kind: Rollout')
    expect(said).toContain('/spec/template/spec/containers/0/image')
  })

  test('an aborted Rollout, though it names the very image that is to be released', async () => {
    stage.setTemplate('b')
    stage.look()
    stage.write({ abort: true })
    stage.look()
    expect(await refusal()).toContain('was aborted: RolloutAborted')
  })

  test.each([
    ['is to be released', 'b'],
    ['is another', 'c'],
  ])('a template that its controller has not taken, be it that the image %s', async (_, digit) => {
    stage.kill()
    stage.setTemplate(digit)
    expect(stage.live().status).toMatchObject({ phase: 'Healthy', stableRS: 'a', currentPodHash: 'a' })
    const said = await refusal()
    expect(said).toContain('Rollout prod/shop asks for something that its controller has not taken yet')
    expect(said).toContain('generation 2, observed 1')
  })

  test('one whose generation its controller has noted, but not its template', async () => {
    stage.kill()
    stage.setTemplate('b')
    stage.write({ observedGeneration: '2' })
    expect(await refusal()).toContain('its controller has not taken yet')
  })

  test('a template that it takes a moment later is an update under way', async () => {
    stage.setTemplate('b')
    expect(await refusal()).toContain('in the middle of an update')
  })

  test.each([
    ['an update under way', (its: Stage) => its.setTemplate('c'), 'in the middle of an update'],
    ['a pause by hand', (its: Stage) => its.setSpec({ paused: true }), 'paused by hand'],
    ['no replicas', (its: Stage) => its.setSpec({ replicas: 0 }), 'has no replicas'],
    [
      'a workloadRef',
      (its: Stage) =>
        its.setSpec({ workloadRef: { kind: 'Deployment', name: 'shop' }, template: undefined as unknown as Template }),
      'takes its template from Deployment shop',
    ],
    ['blueGreen', (its: Stage) => its.setSpec({ strategy: { blueGreen: {} } }), 'sends all traffic over at once'],
    ['no steps', (its: Stage) => its.setSpec({ strategy: { canary: {} } }), 'would roll out to all pods at once'],
  ])('%s', async (_name, make, text) => {
    make(stage)
    stage.look()
    expect(await refusal()).toContain(text)
  })

  test('a Rollout that is not there', async () => {
    stage.server.remove('/apis/argoproj.io/v1alpha1/namespaces/prod/rollouts/shop')
    expect(await refusal()).toContain('Rollout prod/shop does not exist')
  })
})
