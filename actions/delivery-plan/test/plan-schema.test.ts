import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readSluiceFile } from '@sluice/delivery/file'
import { planFor } from '@sluice/delivery/plan'
import { ROUTERS } from '@sluice/delivery/routers'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { expect, test } from 'vitest'
import { FULL } from './full.ts'

const schema = JSON.parse(readFileSync(join(import.meta.dirname, '../report.schema.json'), 'utf8'))
const valid = new Ajv2020({ strictTypes: false }).compile({ $defs: schema.$defs, $ref: '#/$defs/plan' })

const problemsOf = (file: object, service = ''): unknown => {
  const plan = planFor(readSluiceFile(JSON.stringify(file), 'sluice.yml'), { service, event: 'push' })
  return valid(JSON.parse(JSON.stringify(plan))) ? [] : valid.errors
}

test.each(Object.keys(FULL.services))('the plan of a file with every key is as its schema says: %s', (service) => {
  expect(problemsOf(FULL, service)).toEqual([])
})

test.each(ROUTERS)('so is one with router %s', (router) => {
  const deploy = { production: { namespace: 'shop', router } }
  const file = {
    version: 1,
    services: { shop: { image: 'shop', deploy } },
    environments: { production: { role: 'production' } },
  }
  expect(problemsOf(file)).toEqual([])
})

test('another word for a router is none', () => {
  const file = {
    version: 1,
    services: { shop: { image: 'shop', deploy: { production: { namespace: 'shop' } } } },
    environments: { production: { role: 'production' } },
  }
  const plan = planFor(readSluiceFile(JSON.stringify(file), 'sluice.yml'), { service: '', event: 'push' })
  expect(valid(plan)).toBe(true)
  expect(valid({ ...plan, production: { ...plan.production, router: 'haproxy' } })).toBe(false)
})
