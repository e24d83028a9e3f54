import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readSluiceFile } from '@sluice/delivery/file'
import { planFor } from '@sluice/delivery/plan'
import { expect, test } from 'vitest'
import { PUBLISHED, ROOT } from './house.ts'

const FILE = `
version: 1
services:
  shop:
    image: ghcr.io/acme/shop
    package: {}
    deploy:
      staging: { namespace: shop-staging, manifests: k8s }
      production: { namespace: shop, manifests: k8s }
environments:
  staging: { role: staging }
  production: { role: production }
`
const plan: Readonly<Record<string, unknown>> = planFor(readSluiceFile(FILE, 'sluice.yml'), {
  service: '',
  event: 'push',
})

/** The keys of the plan that a text reads, such as `production.namespace`, each once. */
const keysIn = (text: string): readonly string[] => [
  ...new Set([...text.matchAll(/fromJSON\(inputs\.plan[^)]*\)\.([\w-]+(?:\.[\w-]+)?)/g)].map(([, key = '']) => key)),
]

test('the example pushes the image that its sluice.yml names, and no other', () => {
  const read = (path: string): string => readFileSync(join(ROOT, 'examples/support-router', path), 'utf8')
  const { repository } = planFor(readSluiceFile(read('sluice.yml'), 'sluice.yml'), { service: '', event: 'push' })
  expect(read('.github/workflows/package.yml')).toContain(`IMAGE: ${repository} `)
})

test.each(PUBLISHED.filter((path) => !path.endsWith('/ci.yml') && !path.endsWith('/deliver.yml')))(
  'every key of the plan that %s reads is one that a plan has',
  (path) => {
    const keys = keysIn(readFileSync(join(ROOT, path), 'utf8'))
    expect(keys.length).toBeGreaterThan(5)
    for (const key of keys) {
      const [place = '', inner] = key.split('.')
      expect(plan, key).toHaveProperty(place)
      if (inner !== undefined) expect(plan[place], key).toHaveProperty(inner)
    }
  },
)
