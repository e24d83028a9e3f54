import { describe, expect, test } from 'vitest'
import { canaryForm, canonical, containerFor, imageOf, stableForm, withImage } from '../src/template.ts'
import { DIGEST, podTemplate } from './objects.ts'

const label = { key: 'app', stable: 'shop', canary: 'shop-canary' }
const image = { repository: 'registry.test/shop', digest: DIGEST('b') }
const spread = podTemplate({
  topologySpreadConstraints: [{ topologyKey: 'zone', labelSelector: { matchLabels: { app: 'shop' } } }],
  affinity: {
    podAntiAffinity: {
      preferredDuringSchedulingIgnoredDuringExecution: [
        { podAffinityTerm: { labelSelector: { matchLabels: { app: 'shop' } } } },
        { podAffinityTerm: { labelSelector: { matchLabels: { app: 'database' } } } },
        { podAffinityTerm: { labelSelector: { matchLabels: { app: 'shop', tier: 'cache' } } } },
        {
          podAffinityTerm: { labelSelector: { matchExpressions: [{ key: 'app', operator: 'In', values: ['shop'] }] } },
        },
        {
          podAffinityTerm: {
            labelSelector: { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['shop'] }] },
          },
        },
      ],
    },
  },
})

describe('the canonical form of a pod template', () => {
  test('does not depend on the order of keys, nor on what Go prints for an empty time', () => {
    const { spec } = podTemplate()
    const other = { spec, metadata: { creationTimestamp: null, labels: { tier: 'web', app: 'shop' }, annotations: {} } }
    expect(canonical(other, 'web')).toEqual(canonical(podTemplate(), 'web'))
  })

  test('has another hash for anything that the pods would notice', () => {
    const changed = podTemplate({ terminationGracePeriodSeconds: 5 })
    expect(canonical(changed, 'web').hash).not.toBe(canonical(podTemplate(), 'web').hash)
  })

  test('has the same hash when a webhook has another registry serve the same bytes, and another for other bytes', () => {
    const there = withImage(podTemplate(), 'web', { ...image, repository: 'mirror.test/cache/shop' })
    const released = canonical(withImage(podTemplate(), 'web', image), 'web')
    expect(canonical(there, 'web').hash).toBe(released.hash)
    expect(canonical(podTemplate(), 'web').hash).not.toBe(released.hash)
    // What is promoted is still written as it was asked for.
    expect(JSON.stringify(released.body)).toContain(`registry.test/shop@${image.digest}`)
    const tagged = { ...podTemplate(), spec: { containers: [{ name: 'web', image: 'registry.test/shop:1' }] } }
    const other = { ...podTemplate(), spec: { containers: [{ name: 'web', image: 'mirror.test/shop:1' }] } }
    expect(canonical(tagged, 'web').hash).not.toBe(canonical(other, 'web').hash)
  })

  test('names the image of the container that is released', () => {
    expect(canonical(withImage(podTemplate(), 'web', image), 'web').image).toEqual(image)
  })
})

describe('the template that canary pods carry', () => {
  test('has one label changed, the track added, and selectors on itself following', () => {
    const canary = canaryForm(spread, label)
    expect(canary.metadata?.labels).toEqual({ app: 'shop-canary', tier: 'web', 'sluice.dev/track': 'canary' })
    expect(JSON.stringify(canary.spec)).toContain('{"matchLabels":{"app":"shop-canary"}}')
    expect(JSON.stringify(canary.spec)).toContain('{"matchLabels":{"app":"database"}}')
    expect(JSON.stringify(canary.spec)).toContain('{"key":"app","operator":"In","values":["shop-canary"]}')
  })

  test('goes on looking for the pods of others, and keeps away from those it kept away from', () => {
    const canary = JSON.stringify(canaryForm(spread, label).spec)
    expect(canary).toContain('{"matchLabels":{"app":"shop","tier":"cache"}}')
    expect(canary).toContain('{"key":"app","operator":"NotIn","values":["shop"]}')
  })

  test.each([
    ['with a changed label', label],
    ['with only the track added', undefined],
  ])('%s turns back into the analysed one, hash for hash', (_, changed) => {
    const back = stableForm(canaryForm(spread, changed), changed)
    expect(canonical(back, 'web')).toEqual(canonical(spread, 'web'))
  })
})

describe('the container that gets the image', () => {
  const web = { name: 'web', image: 'registry.test/shop@sha256:1' }
  const proxy = { name: 'proxy', image: 'registry.test/envoy:1' }
  test.each([
    ['the only one', [proxy], '', { name: 'proxy' }],
    ['the one that is named', [web, proxy], 'proxy', { name: 'proxy' }],
    ['of several the one that runs the same repository', [web, proxy], '', { name: 'web' }],
  ])('is %s', (_, containers, named, expected) => {
    expect(containerFor(containers, named, image)).toEqual(expected)
  })

  test.each([
    ['several and none runs the repository', [proxy, { name: 'log' }], '', /which container.*proxy, log.*`container`/],
    ['the name is not there', [web, proxy], 'wbe', /"wbe" is not in the pod template; it has web, proxy/],
  ])('is a question when %s', (_, containers, named, expected) => {
    expect(containerFor(containers, named, image)).toHaveProperty('problem', expect.stringMatching(expected))
  })
})

test.each([
  ['registry.test:5000/team/shop:1.2@sha256:abc', { repository: 'registry.test:5000/team/shop', digest: 'sha256:abc' }],
  ['shop:1.2', { repository: 'shop', digest: 'sha256:' }],
])('the image %s is taken apart', (reference, expected) => {
  expect(imageOf(reference)).toEqual(expected)
})
