import { type Found, fields, list } from './found.ts'
import type { Released } from './routers.ts'

/**
 * What a plan's metrics are read from, and the key that says where that is. canary-promote refuses a plan without it as well; a test holds both to the
 * same answers.
 */
const NEEDS: Readonly<Record<string, string>> = {
  probe: 'needs the key probe with at least a path',
  prometheus:
    'needs the key prometheus with either url, such as https://prometheus.example, or service, such as monitoring/prometheus:9090',
  datadog: 'needs the key datadog with at least its site, such as { site: datadoghq.eu }',
  cloudwatch: 'needs the key cloudwatch with at least its region, such as { region: eu-central-1 }',
}

/** Providers that the plan of a production names and does not describe, each where it is named first. */
export const sourceProblems = ({ service, environment, plan }: Released): readonly Found[] => {
  const { provider, metrics } = plan
  const given = list(metrics?.value).map((metric) => fields(metric).provider)
  // Without a list of its own a plan has canary-promote's metrics, which name no provider.
  const general = metrics === undefined || given.includes(undefined) ? provider : undefined
  const named = [
    ...(general === undefined ? [] : [{ name: general.value, path: [...general.in, 'provider'] }]),
    ...given.map((name, index) => ({ name, path: [...(metrics?.in ?? []), 'metrics', index, 'provider'] })),
  ]
  const first = named.filter(({ name }, index) => named.findIndex((other) => other.name === name) === index)
  return first.flatMap(({ name, path }) => {
    const need = Object.hasOwn(NEEDS, String(name)) ? NEEDS[String(name)] : undefined
    return need === undefined || isDescribed(String(name), plan[String(name)]?.value)
      ? []
      : [{ path, text: `provider ${name} of ${service} in ${environment} ${need}` }]
  })
}

/** A section that is there is the schema's to look at, but for what it does not say: one way to a Prometheus, not two. */
const isDescribed = (name: string, section: unknown): boolean => {
  if (name !== 'prometheus') return section !== undefined
  const { url, service } = fields(section)
  return (url === undefined) !== (service === undefined)
}
