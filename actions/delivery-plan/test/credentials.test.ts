import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readSluiceFile } from '@sluice/delivery/file'
import { planFor } from '@sluice/delivery/plan'
import { describe, expect, test } from 'vitest'
import { credentialFindings } from '../src/credentials.ts'

const ROLE = 'arn:aws:iam::123456789012:role/release'
const AWS = { aws: { role: ROLE, region: 'eu-west-1', cluster: 'shop' } }
const ERRORS = { name: 'errors', kind: 'ratio' }

const told = (plan: object, production: object = {}, event = 'push'): readonly string[] => {
  const file = {
    version: 1,
    services: { shop: { image: 'shop', deploy: { production: { namespace: 'shop' } }, plan } },
    environments: { production: { role: 'production', approval: 'none', ...production } },
  }
  const planned = planFor(readSluiceFile(JSON.stringify(file), 'sluice.yml'), { service: '', event })
  return credentialFindings(planned).map(({ text }) => text)
}

describe('what a canary is measured with is told before anybody approves', () => {
  test.each<{ name: string; plan: object; production?: object; says: readonly RegExp[] }>([
    { name: 'nothing for pods', plan: {}, says: [] },
    {
      name: 'nothing for a Prometheus that the API server reaches',
      plan: { provider: 'prometheus', prometheus: { service: 'monitoring/prometheus:9090' } },
      says: [],
    },
    {
      name: 'what a Prometheus elsewhere may ask for',
      plan: { provider: 'prometheus', prometheus: { url: 'https://prometheus.example' } },
      says: [/PROMETHEUS_TOKEN, or PROMETHEUS_USERNAME and PROMETHEUS_PASSWORD, of the environment production if/],
    },
    {
      name: "a metric's own provider",
      plan: { datadog: { site: 'datadoghq.eu' }, metrics: [ERRORS, { ...ERRORS, name: 'b', provider: 'datadog' }] },
      says: [/DATADOG_API_KEY and DATADOG_APPLICATION_KEY of the environment production$/],
    },
    {
      name: 'keys where the login is not at AWS',
      plan: { provider: 'cloudwatch', cloudwatch: { region: 'eu-west-1' } },
      says: [/CLOUDWATCH_ACCESS_KEY_ID and CLOUDWATCH_SECRET_ACCESS_KEY of the environment production$/],
    },
    {
      name: 'the role where it is',
      plan: { provider: 'cloudwatch', cloudwatch: { region: 'eu-west-1' } },
      production: { login: AWS },
      says: [/as arn:aws:iam::123456789012:role\/release, which must be allowed cloudwatch:GetMetricData$/],
    },
  ])('$name', ({ plan, production, says }) => {
    const texts = told(plan, production)
    expect(texts).toHaveLength(says.length)
    for (const [index, words] of says.entries()) expect(texts[index]).toMatch(words)
  })
  test('nothing where this run releases nothing', () => {
    const plan = { provider: 'cloudwatch', cloudwatch: { region: 'eu-west-1' } }
    expect(told(plan, {}, 'pull_request')).toEqual([])
    expect(told(plan, { approval: 'dispatch' })).toEqual([])
  })
  test('every secret it names is one that canary.yml takes', () => {
    const source = readFileSync(join(import.meta.dirname, '../src/credentials.ts'), 'utf8')
    const workflow = readFileSync(join(import.meta.dirname, '../../../reusable-workflows/canary.yml'), 'utf8')
    const names = [...new Set(source.match(/\b(PROMETHEUS|DATADOG|CLOUDWATCH)_[A-Z_]+/g))]
    expect(names).toHaveLength(7)
    for (const name of names) expect(workflow).toContain(`\${{ secrets.${name.toLowerCase()} }}`)
  })
})
