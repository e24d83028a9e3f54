import type { KubernetesObject } from '@sluice/kubernetes/cluster'
import { describe, expect, it, test } from 'vitest'
import { explain } from '../src/explanation.ts'
import { lookOf } from '../src/rollout.ts'

const deployment = (spec: object, status: object): KubernetesObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'shop', uid: 'd', generation: 2 },
  spec: { replicas: 3, ...spec },
  status: { observedGeneration: 2, ...status },
})

describe('a look at a rollout', () => {
  test.each<[string, object, object, string, string]>([
    [
      'whose change was not seen yet',
      {},
      { observedGeneration: 1 },
      'waiting',
      'waiting for the Deployment controller',
    ],
    ['with pods missing', {}, { updatedReplicas: 1, replicas: 3 }, 'waiting', '1 of 3 new pods created so far'],
    ['with old pods', {}, { updatedReplicas: 3, replicas: 4 }, 'waiting', '1 old pod still there'],
    [
      'with pods that are not ready',
      {},
      { updatedReplicas: 3, replicas: 3, availableReplicas: 1 },
      'waiting',
      '1 of 3 new pods available',
    ],
    ['that is done', {}, { updatedReplicas: 3, replicas: 3, availableReplicas: 3 }, 'done', '3 of 3 pods available'],
    ['of no pods', { replicas: 0 }, {}, 'done', '0 of 0 pods available'],
    ['that is paused', { paused: true }, {}, 'failed', 'is paused'],
    [
      'that Kubernetes gave up',
      { progressDeadlineSeconds: 30 },
      {
        updatedReplicas: 1,
        conditions: [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }],
      },
      'failed',
      'no progress for 30 s',
    ],
  ])('%s', (_what, spec, status, kind, text) => {
    const look = lookOf(deployment(spec, status))
    expect(look.kind).toBe(kind)
    expect(look.text).toContain(text)
  })

  it('of a Deployment that is gone has failed', () => {
    expect(lookOf(undefined)).toMatchObject({ kind: 'failed' })
  })
})

describe('why a rollout hangs', () => {
  const pod = (status: object, name = 'p1'): KubernetesObject => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, uid: name },
    status: { phase: 'Pending', ...status },
  })
  const container = (state: object, rest: object = {}) => ({
    containerStatuses: [{ name: 'app', ready: false, state, ...rest }],
  })
  const why = (...pods: KubernetesObject[]) => explain({ deployment: deployment({}, {}), pods, events: [] })

  test.each<[string, object, object]>([
    [
      'no node has room',
      {
        conditions: [
          { type: 'PodScheduled', status: 'False', message: '0/3 nodes are available: 3 Insufficient cpu.' },
        ],
      },
      { text: 'cannot be placed on a node: 0/3 nodes are available: 3 Insufficient cpu.', environment: true },
    ],
    [
      'the image does not come',
      container({ waiting: { reason: 'ImagePullBackOff', message: 'not found' } }),
      { text: 'image of container app cannot be pulled (ImagePullBackOff): not found', environment: false },
    ],
    [
      'the container ends again and again',
      container(
        { waiting: { reason: 'CrashLoopBackOff' } },
        { restartCount: 2, lastState: { terminated: { exitCode: 1, reason: 'Error' } } },
      ),
      { text: 'container app ended with exit code 1, restarted 2 times', environment: false },
    ],
    [
      'it needs more memory',
      container(
        { waiting: { reason: 'CrashLoopBackOff' } },
        { restartCount: 1, lastState: { terminated: { exitCode: 137, reason: 'OOMKilled' } } },
      ),
      { text: 'container app was killed for using more memory than its limit, restarted 1 time' },
    ],
    [
      'a Secret is missing',
      container({ waiting: { reason: 'CreateContainerConfigError', message: 'secret "db" not found' } }),
      { text: 'container app does not start (CreateContainerConfigError): secret "db" not found' },
    ],
    [
      'it is not ready',
      container({ running: {} }),
      { text: 'container app runs but is not ready: its readiness probe has not passed' },
    ],
  ])('%s', (_what, status, expected) => {
    expect(why(pod(status)).map(({ explanation }) => explanation)).toMatchObject([{ about: 'pod p1', ...expected }])
  })

  it('tells pods with the same symptom once', () => {
    const [first, ...rest] = why(pod(container({ running: {} })), pod(container({ running: {} }), 'p2'))
    expect(first?.explanation.about).toBe('pod p1 and 1 more')
    expect(first?.suspect).toEqual({ pod: 'p1', container: 'app', previous: false })
    expect(rest).toEqual([])
  })

  it("tells a probe's own words from the latest event", () => {
    const event = (message: string, lastTimestamp: string): KubernetesObject => ({
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: message },
      type: 'Warning',
      reason: 'Unhealthy',
      message,
      lastTimestamp,
      involvedObject: { uid: 'p1' },
    })
    const events = [event('refused', '2026-01-01T00:00:02Z'), event('older', '2026-01-01T00:00:01Z')]
    const found = explain({ deployment: deployment({}, {}), pods: [pod(container({ running: {} }))], events })
    expect(found[0]?.explanation.text).toBe('container app runs but is not ready: refused')
  })

  it('says nothing about pods that are ready or going away', () => {
    const ready = pod({ conditions: [{ type: 'Ready', status: 'True' }] })
    const going = { ...pod(container({ running: {} })), metadata: { name: 'p', deletionTimestamp: 'now' } }
    expect(why(ready, going)).toEqual([])
  })
})
