import http from 'node:http'
import https from 'node:https'
import type { AwsCredentials } from '@sluice/http/aws/signature'
import { type HttpRequest, type HttpResult, request } from '@sluice/http/request'
import { Fault } from '@sluice/kit/faults'
import { cloudwatchSource } from '@sluice/metrics/cloudwatch'
import type { CloudwatchQuery } from '@sluice/metrics/cloudwatch-query'
import { datadogSource } from '@sluice/metrics/datadog'
import { REPLICA_SET } from '@sluice/metrics/membership'
import { type MetricSource, podsSource } from '@sluice/metrics/pods'
import { probeSource } from '@sluice/metrics/probe'
import { prometheusSource } from '@sluice/metrics/prometheus'
import { credentialHeaders, type PrometheusCredentials } from '@sluice/metrics/prometheus-credentials'
import type { PrometheusMetric } from '@sluice/metrics/prometheus-queries'
import type { MetricSpec } from '@sluice/metrics/selection'
import { throughService } from '@sluice/metrics/service-proxy'
import type { SumMetric } from '@sluice/metrics/sums'
import { usageSource } from '@sluice/metrics/usage'
import { comparedWith } from '../beside.ts'
import type { Settings } from '../plan.ts'
import { type Metric, type Provider, usageOf } from '../providers.ts'
import type { MetricsGiven } from './metrics.ts'

/** What the sources outside the cluster are asked with. `ca`: PEM. */
export type Credentials = {
  readonly prometheus: PrometheusCredentials & { readonly ca?: string | undefined }
  readonly datadog: { readonly apiKey?: string | undefined; readonly applicationKey?: string | undefined }
  readonly aws: () => Promise<AwsCredentials>
}

/** One provider's part of a plan. `interval`: between two looks, ms. */
export type SourceGiven = MetricsGiven & {
  readonly settings: Settings
  readonly metrics: readonly Metric[]
  readonly interval: number
}

/**
 * The source of one provider. What a metric may hold for it was found with the plan, so that here its keys are taken as they are.
 * @throws Fault('input') for a section that a record of before has not, and for queries that do not count
 */
export const sourceFor = (provider: Provider, given: SourceGiven): MetricSource => {
  const { cluster, namespace, clock, settings, metrics, interval } = given
  const { canary } = settings.setup
  const { deployment } = comparedWith(settings.setup)
  const sides = { namespace, baseline: deployment, canary }
  // Queries know a set of pods by its own name.
  const named = { namespace, baseline: bare(deployment), canary: bare(canary), interval }
  switch (provider) {
    case 'pods':
      return podsSource(
        cluster,
        { ...sides, metrics: metrics as readonly MetricSpec[], ...settings.scrape, interval },
        clock,
      )
    case 'probe':
      return probeSource(cluster, { ...sides, metrics, ...section(settings.probe, provider) }, clock)
    case 'kubernetes': {
      const gauges = metrics.flatMap((metric) => {
        const resource = metric.kind === 'gauge' ? usageOf(metric) : undefined
        return resource === undefined ? [] : [{ kind: 'gauge' as const, name: metric.name, resource }]
      })
      return usageSource(cluster, { ...sides, metrics: gauges }, clock)
    }
    case 'prometheus':
      return prometheus(given)
    case 'datadog': {
      const { timeout, ...datadog } = section(settings.datadog, provider)
      const { apiKey = '', applicationKey = '' } = given.credentials.datadog
      const sums = metrics as readonly SumMetric<string>[]
      return datadogSource(
        { ...named, ...datadog, timeoutMs: timeout, apiKey, applicationKey, metrics: sums },
        send({}),
        chancy(clock),
      )
    }
    case 'cloudwatch': {
      const { timeout, ...cloudwatch } = section(settings.cloudwatch, provider)
      const sums = metrics as readonly SumMetric<CloudwatchQuery>[]
      const { aws: credentials } = given.credentials
      return cloudwatchSource(
        { ...named, ...cloudwatch, timeoutMs: timeout, credentials, metrics: sums },
        send({}),
        chancy(clock),
      )
    }
  }
}

const prometheus = ({
  cluster,
  namespace,
  clock,
  settings,
  metrics,
  interval,
  credentials,
}: SourceGiven): MetricSource => {
  const { url, service, path = '', timeout, ...rest } = section(settings.prometheus, 'prometheus')
  const { canary, canaryService } = settings.setup
  const { deployment, service: stable } = comparedWith(settings.setup)
  const services = stable === null || canaryService === null ? undefined : { baseline: stable, canary: canaryService }
  const own = { ...rest, namespace, baseline: deployment, canary, services, interval, timeoutMs: timeout }
  const asked = metrics as readonly PrometheusMetric[]
  if (url !== undefined) {
    const headers = credentialHeaders(url, credentials.prometheus)
    const { ca } = credentials.prometheus
    return prometheusSource({ ...own, metrics: asked, url, headers }, send(ca === undefined ? {} : { ca }), clock)
  }
  const [, serviceNamespace = '', name = '', port = ''] = /^([^/]+)\/([^:]+):(.+)$/.exec(service ?? '') ?? []
  const through = throughService(cluster, { namespace: serviceNamespace, name, port })
  // The address is only read for its path.
  return prometheusSource(
    { ...own, metrics: asked, url: `http://${name}.${serviceNamespace}${path}`, headers: {} },
    through,
    clock,
  )
}

const section = <T>(given: T | null | undefined, provider: Provider): T => {
  if (given !== null && given !== undefined) return given
  throw new Fault('input', `plan: provider ${provider} needs the key ${provider}`)
}

const bare = (side: string): string => (side.startsWith(REPLICA_SET) ? side.slice(REPLICA_SET.length) : side)

/** Requests over connections that are kept: one source asks several queries a look. */
const send = (tls: { readonly ca?: string }): ((call: HttpRequest) => Promise<HttpResult>) => {
  const kept = { keepAlive: true, maxSockets: 4, timeout: 60_000 }
  const agents = { http: new http.Agent(kept), https: new https.Agent({ ...kept, ...tls }) }
  return (call) =>
    request({ ...call, tls: { agent: String(call.url).startsWith('https:') ? agents.https : agents.http } })
}

const chancy = (clock: MetricsGiven['clock']) => ({ ...clock, random: Math.random })
