import { isServerError } from './presets.ts'
import { matching, quoted } from './promql.ts'
import type { Selects } from './selection.ts'

/** A router or library whose metrics are known. `unit`: how many of the histogram's unit are in one ms. */
export type PrometheusPreset = {
  readonly counter: string
  readonly isBad: Selects
  readonly histogram: string
  readonly unit: number
  /** What tells one side from the other and from all else: matchers with placeholders, by side. */
  readonly selects: { readonly baseline: readonly string[]; readonly canary: readonly string[] }
}

/** The names of the presets, as plans write them. */
export const PRESETS = ['istio', 'nginx', 'nginx-exported', 'traefik', 'envoy-gateway', 'linkerd', 'http'] as const
/** One of them. */
export type PresetName = (typeof PRESETS)[number]

const both = (...matchers: readonly string[]) => ({ baseline: matchers, canary: matchers })
const SECONDS = 1 / 1000
const MILLISECONDS = 1

/** ingress-nginx counts the canary under stable's ingress and service; only the label `canary` names its backend, `namespace-service-port`. */
const nginx = (namespace: string, service: string): PrometheusPreset => ({
  counter: 'nginx_ingress_controller_requests',
  isBad: ({ labels }) => /^5/.test(labels.status ?? ''),
  histogram: 'nginx_ingress_controller_request_duration_seconds',
  unit: SECONDS,
  selects: {
    baseline: [`${namespace}="{{namespace}}"`, `${service}="{{service}}"`, 'canary=""'],
    canary: [`${namespace}="{{namespace}}"`, matching('canary', '{{namespace}}-{{service}}-[0-9A-Za-z-]+')],
  },
})

/**
 * What each of them exports, by its own documentation or source:
 * - Istio, "Istio Standard Metrics": counted where the request arrives, by workload;
 * - ingress-nginx, internal/ingress/metric/collectors/socket.go: `nginx` where the scrape keeps the exporter's labels (honorLabels), `nginx-exported`
 *   where Prometheus renamed `namespace` and `service`, as it does by default;
 * - Traefik 3, "Metrics": `service` is `namespace-service-port@kubernetes…`, of a Gateway's routes `namespace-service-http-port@kubernetesgateway`;
 * - Envoy Gateway: one cluster for all backends of a rule, and one for each only where a backendRef has a filter
 *   (github.com/envoyproxy/gateway/issues/7017): {{cluster}} has to be said;
 * - Linkerd, "Proxy Metrics": counted where the request arrives, by deployment;
 * - http: `http_requests_total` and `http_request_duration_seconds` of the pods themselves, with the labels that the usual relabelling adds.
 */
export const PROMETHEUS_PRESETS: Readonly<Record<PresetName, PrometheusPreset>> = {
  istio: {
    counter: 'istio_requests_total',
    isBad: ({ labels }) => /^5/.test(labels.response_code ?? ''),
    histogram: 'istio_request_duration_milliseconds',
    unit: MILLISECONDS,
    selects: both(
      'reporter="destination"',
      'destination_workload_namespace="{{namespace}}"',
      'destination_workload="{{deployment}}"',
    ),
  },
  nginx: nginx('namespace', 'service'),
  'nginx-exported': nginx('exported_namespace', 'exported_service'),
  traefik: {
    counter: 'traefik_service_requests_total',
    isBad: ({ labels }) => /^5/.test(labels.code ?? ''),
    histogram: 'traefik_service_request_duration_seconds',
    unit: SECONDS,
    selects: both(matching('service', '{{namespace}}-{{service}}-(http-)?[0-9]+@kubernetes.*')),
  },
  'envoy-gateway': {
    counter: 'envoy_cluster_upstream_rq_xx',
    isBad: ({ labels }) => labels.envoy_response_code_class === '5',
    histogram: 'envoy_cluster_upstream_rq_time',
    unit: MILLISECONDS,
    selects: both(`envoy_cluster_name=${quoted('{{cluster}}')}`),
  },
  linkerd: {
    counter: 'response_total',
    isBad: ({ labels }) => labels.classification === 'failure',
    histogram: 'response_latency_ms',
    unit: MILLISECONDS,
    selects: both('direction="inbound"', 'namespace="{{namespace}}"', 'deployment="{{deployment}}"'),
  },
  http: {
    counter: 'http_requests_total',
    isBad: isServerError,
    histogram: 'http_request_duration_seconds',
    unit: SECONDS,
    selects: both('namespace="{{namespace}}"', matching('pod', '{{pods}}')),
  },
}
