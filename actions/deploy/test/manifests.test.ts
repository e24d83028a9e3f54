// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are templates of manifests
import { describe, expect, it, test } from 'vitest'
import { readManifests } from '../src/manifests.ts'

const DIGEST = `sha256:${'a'.repeat(64)}`
const read = (text: string, values: Record<string, string> = {}, namespace?: string) =>
  readManifests([{ path: 'k8s/app.yaml', text }], new Map(Object.entries(values)), {
    namespace,
    fixed: namespace !== undefined,
  })
const problemsOf = (text: string, namespace?: string): readonly string[] =>
  read(text, {}, namespace).problems.map(({ where, text: what }) => `${where}: ${what}`)

const deployment = (image: string, name = 'shop') => `apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name} }
spec:
  template:
    spec:
      initContainers:
        - { name: init, image: "init@${DIGEST}" }
      containers:
        - name: app
          image: ${image}
`

describe('manifests', () => {
  it('are read from several documents, with the line of each', () => {
    const { manifests, problems } = read(
      `${deployment(`shop@${DIGEST}`)}---\n---\n{apiVersion: v1, kind: Service, metadata: {name: shop}}\n`,
    )
    expect(problems).toEqual([])
    expect(manifests.map(({ line, object }) => [object.kind, line])).toEqual([
      ['Deployment', 1],
      ['Service', 14],
    ])
  })

  it('may be a list, and JSON', () => {
    const text = JSON.stringify({
      apiVersion: 'v1',
      kind: 'List',
      items: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } }],
    })
    expect(read(text).manifests.map(({ object }) => object.metadata.name)).toEqual(['a'])
  })

  it('get the image from values', () => {
    expect(read(deployment('${IMAGE}'), { IMAGE: `shop@${DIGEST}`, OTHER: 'x' })).toMatchObject({
      problems: [],
      unused: ['OTHER'],
    })
  })

  test.each([
    [
      'an image with a tag alone',
      deployment('shop:1.2'),
      [
        'k8s/app.yaml:11:18: container app of Deployment/shop has an image without digest: shop:1.2 (a tag can move; write name@sha256:…)',
      ],
    ],
    [
      'a container without image',
      deployment('""'),
      ['k8s/app.yaml:11:18: container app of Deployment/shop has no image'],
    ],
    ['broken YAML', 'a: "b\n', ['k8s/app.yaml:2:1: Missing closing "quote']],
    [
      'a key that is there twice',
      'apiVersion: v1\nkind: A\nkind: B\nmetadata: {name: a}\n',
      ['k8s/app.yaml:3:1: Map keys must be unique'],
    ],
    ['something that is no object', '- a\n', ['k8s/app.yaml:1:1: is not a Kubernetes object']],
    ['a missing kind', 'apiVersion: v1\nmetadata: {name: a}\n', ['kind missing']],
    ['a missing name', 'apiVersion: v1\nkind: Secret\nmetadata: {}\n', ['Secret has no metadata.name']],
    [
      'a generated name',
      'apiVersion: v1\nkind: Job\nmetadata: {generateName: a-}\n',
      ['each deploy would make another one'],
    ],
    ['an empty file', '# nothing\n---\n', ['k8s/app.yaml:1:1: is empty']],
    [
      'the same object twice',
      `${deployment(`a@${DIGEST}`)}---\n${deployment(`a@${DIGEST}`)}`,
      ['k8s/app.yaml:13: Deployment/shop is already in k8s/app.yaml:1'],
    ],
  ])('name %s', (_what, text, expected) => {
    const problems = problemsOf(text)
    expect(problems).toHaveLength(expected.length)
    for (const [index, part] of expected.entries()) expect(problems[index]).toContain(part)
  })

  it('name everything at once', () => {
    expect(problemsOf(`${deployment('a:1')}---\n${deployment('b:1', 'other')}---\nkind: X\n`)).toHaveLength(3)
  })

  it('may use anchors, aliases and merge keys, and an image behind one is looked at like any other', () => {
    const text = (image: string) =>
      `apiVersion: apps/v1
kind: Deployment
metadata: &meta { name: shop }
spec:
  template:
    metadata: *meta
    spec:
      initContainers: [{ name: init, image: &image "${image}" }]
      containers:
        - &app { name: app, image: *image }
        - { <<: *app, name: other }
`
    const { manifests, problems } = read(text(`shop@${DIGEST}`))
    expect(problems).toEqual([])
    expect(manifests[0]?.object).toMatchObject({
      spec: {
        template: { spec: { containers: [{ image: `shop@${DIGEST}` }, { image: `shop@${DIGEST}`, name: 'other' }] } },
      },
    })
    expect(problemsOf(text('shop:latest'))).toEqual([
      expect.stringContaining('k8s/app.yaml:8:52: container init of Deployment/shop has an image without digest'),
      expect.stringContaining('k8s/app.yaml:8:52: container app of'),
      expect.stringContaining('k8s/app.yaml:11:11: container other of'),
    ])
    const hidden = `spec: &pod { containers: [{ name: app, image: "shop:1" }] }
apiVersion: v1
kind: Pod
metadata: { name: a }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: shop }
spec: { template: &template { spec: &spec { containers: [{ name: app, image: "shop:2" }] } }, other: *template }
`
    expect(problemsOf(hidden)).toHaveLength(2)
  })

  it('whose aliases would fill the memory are a problem, not a crash', () => {
    const bomb = ['a: &a0 [x, x, x, x, x, x, x, x, x, x]']
    for (let level = 1; level < 9; level++) {
      bomb.push(
        `${'abcdefghij'[level]}: &a${level} [${Array(10)
          .fill(`*a${level - 1}`)
          .join(', ')}]`,
      )
    }
    const text = `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n${bomb.join('\n')}\n`
    expect(problemsOf(text)).toEqual([expect.stringContaining('k8s/app.yaml:1:1: its aliases cannot be resolved')])
  })

  it('are read alike with CRLF, a byte order mark and comments, and numbers as kubectl reads them', () => {
    const text = '\ufeff# the shop\r\napiVersion: v1\r\nkind: Widget\r\nmetadata: {name: a}\r\ndata:\r\n  '
    const { manifests, problems } = read(`${text}mode: 0400\r\n  plain: 400\r\n  quoted: "0400"\r\n  yes: no\r\n`)
    expect(problems).toEqual([])
    expect(manifests[0]?.object.data).toEqual({ mode: 0o400, plain: 400, quoted: '0400', yes: 'no' })
  })

  it('that are the same object are told, also when only one of them says its namespace', () => {
    const map = (metadata: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: ${metadata}\n`
    expect(problemsOf(`${map('{ name: a }')}---\n${map('{ name: a, namespace: shop }')}`, 'shop')).toEqual([
      'k8s/app.yaml:5: ConfigMap/a is already in k8s/app.yaml:1',
    ])
  })

  it('that name another namespace than the input are refused', () => {
    const text = 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a, namespace: web }\n'
    expect(problemsOf(text, 'shop')).toEqual([
      'k8s/app.yaml:1: ConfigMap/a is for namespace web, the input namespace says shop',
    ])
    expect(problemsOf(text, 'web')).toEqual([])
  })
})
