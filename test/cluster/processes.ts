import type { Provider } from './paths.ts'

/**
 * The programs of one cluster, what they are told, and the files they read: pure, so that what the cluster consists of can be read in one place.
 * Facts: Kubernetes' reference of each component's flags, containerd 1.6's CRI configuration, the CNI specification.
 */

/** One program inside the cluster's own namespaces. It is started again when it ends by itself. */
export type Program = {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Programs that must be ready first. */
  readonly after: readonly string[]
  /** Ready when this URL answers 200, or this file is there; absent: as soon as it runs. */
  readonly ready?: { readonly url: string } | { readonly file: string }
}

/** What is known of a cluster before it starts. Paths are the same inside and outside. */
export type Layout = {
  /** The control group under which those of its pods hang. */
  readonly group: string
  readonly provider: Provider
  readonly run: string
  /** The machine's address inside the cluster's network, and the machine's own end of it. */
  readonly address: string
  readonly programs: Readonly<
    Record<'etcd' | 'kubernetes' | 'traefik' | 'prometheus' | 'metrics-server' | 'argo-rollouts', string>
  >
  readonly debian: { readonly root: string }
}

/** Where the parts of a cluster answer, from the machine as from its pods. */
export const PORTS = {
  api: 6443,
  registry: 5000,
  web: 8000,
  webTls: 8443,
  traefik: 8080,
  prometheus: 9090,
  metricsServer: 4443,
  rollouts: 8790,
} as const

/** The address range of pods and of Services. */
export const POD_RANGE = '10.244.0.0/24'
const SERVICE_RANGE = '10.96.0.0/16'
/** The first address of the Services' range is the API server's own. */
export const KUBERNETES_SERVICE = '10.96.0.1'

/** What a node of kind has by itself. */
const OF_A_NODE: readonly string[] = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'containerd',
  'kubelet',
  'kube-proxy',
]

/** Everything that runs, in no order: `after` decides. Beside a node of kind only what that lacks. */
export const programsOf = (layout: Layout): readonly Program[] => {
  const all = allPrograms(layout)
  if (layout.provider === 'modules') return all
  const own = all.filter(({ name }) => !OF_A_NODE.includes(name))
  return own.map((program) => ({ ...program, after: program.after.filter((name) => !OF_A_NODE.includes(name)) }))
}

const allPrograms = (layout: Layout): readonly Program[] => {
  const { run, address, programs } = layout
  const kubernetes = (
    name: string,
    args: readonly string[],
    after: readonly string[],
    ready?: Program['ready'],
  ): Program => ({
    name,
    command: programs.kubernetes,
    args: [name, ...args],
    after,
    ...(ready === undefined ? {} : { ready }),
  })
  const kubeconfig = (user: string): string => `--kubeconfig=${run}/${user}.kubeconfig`
  return [
    {
      name: 'etcd',
      command: programs.etcd,
      args: [
        `--data-dir=${run}/etcd`,
        '--listen-client-urls=http://127.0.0.1:2379',
        '--advertise-client-urls=http://127.0.0.1:2379',
        '--listen-peer-urls=http://127.0.0.1:2380',
        '--unsafe-no-fsync',
      ],
      after: [],
      ready: { url: 'http://127.0.0.1:2379/health' },
    },
    kubernetes(
      'kube-apiserver',
      [
        '--etcd-servers=http://127.0.0.1:2379',
        '--bind-address=0.0.0.0',
        `--secure-port=${PORTS.api}`,
        `--advertise-address=${address}`,
        `--cert-dir=${run}/api`,
        `--service-cluster-ip-range=${SERVICE_RANGE}`,
        '--authorization-mode=Node,RBAC',
        `--token-auth-file=${run}/tokens.csv`,
        '--allow-privileged=true',
        '--service-account-issuer=https://kubernetes.default.svc',
        `--service-account-key-file=${run}/service-account.pub`,
        `--service-account-signing-key-file=${run}/service-account.key`,
        '--kubelet-preferred-address-types=InternalIP',
        '--enable-aggregator-routing=true',
        '--profiling=false',
      ],
      ['etcd'],
      { url: `https://127.0.0.1:${PORTS.api}/readyz` },
    ),
    kubernetes(
      'kube-controller-manager',
      [
        kubeconfig('controllers'),
        '--leader-elect=false',
        `--service-account-private-key-file=${run}/service-account.key`,
        `--root-ca-file=${run}/api/apiserver.crt`,
        '--horizontal-pod-autoscaler-sync-period=2s',
        '--horizontal-pod-autoscaler-downscale-stabilization=2s',
        '--horizontal-pod-autoscaler-initial-readiness-delay=1s',
        '--horizontal-pod-autoscaler-cpu-initialization-period=1s',
        '--profiling=false',
      ],
      ['kube-apiserver'],
    ),
    kubernetes(
      'kube-scheduler',
      [kubeconfig('scheduler'), '--leader-elect=false', '--profiling=false'],
      ['kube-apiserver'],
    ),
    {
      name: 'containerd',
      command: 'containerd',
      args: ['--config', `${run}/containerd.toml`],
      after: [],
      ready: { file: `${run}/containerd.sock` },
    },
    kubernetes(
      'kubelet',
      [
        kubeconfig('kubelet'),
        `--config=${run}/kubelet.yaml`,
        `--root-dir=${run}/kubelet`,
        `--node-ip=${address}`,
        '--hostname-override=node',
        `--cert-dir=${run}/kubelet-pki`,
      ],
      ['kube-apiserver', 'containerd'],
      { url: 'http://127.0.0.1:10248/healthz' },
    ),
    kubernetes('kube-proxy', [`--config=${run}/proxy.yaml`, '--hostname-override=node'], ['kube-apiserver']),
    {
      name: 'registry',
      command: 'docker-registry',
      args: ['serve', `${run}/registry.yaml`],
      after: [],
      ready: { url: `http://127.0.0.1:${PORTS.registry}/v2/` },
    },
    {
      name: 'traefik',
      command: programs.traefik,
      args: [
        `--entrypoints.web.address=:${PORTS.web}`,
        `--entrypoints.traefik.address=:${PORTS.traefik}`,
        '--ping=true',
        '--api.insecure=true',
        '--providers.kubernetesgateway=true',
        '--providers.kubernetescrd=true',
        '--providers.kubernetescrd.allowcrossnamespace=false',
        // Else a TraefikService of which one Service has no ready pod is dropped whole, and everybody gets 404.
        '--providers.kubernetescrd.allowemptyservices=true',
        '--metrics.prometheus=true',
        '--metrics.prometheus.addrouterslabels=true',
        '--metrics.prometheus.buckets=0.05,0.1,0.25,0.5,1,2.5,5',
        '--global.checknewversion=false',
        '--global.sendanonymoususage=false',
        '--log.level=INFO',
      ],
      env: { KUBECONFIG: `${run}/admin.kubeconfig` },
      after: ['kube-apiserver'],
      ready: { url: `http://127.0.0.1:${PORTS.traefik}/ping` },
    },
    {
      name: 'prometheus',
      command: programs.prometheus,
      args: [
        `--config.file=${run}/prometheus.yaml`,
        `--storage.tsdb.path=${run}/prometheus`,
        `--web.listen-address=0.0.0.0:${PORTS.prometheus}`,
        '--web.enable-lifecycle',
      ],
      after: ['kube-apiserver'],
      ready: { url: `http://127.0.0.1:${PORTS.prometheus}/-/ready` },
    },
    {
      name: 'metrics-server',
      command: programs['metrics-server'],
      args: [
        kubeconfig('admin'),
        `--authentication-kubeconfig=${run}/admin.kubeconfig`,
        `--authorization-kubeconfig=${run}/admin.kubeconfig`,
        '--authentication-skip-lookup=true',
        `--secure-port=${PORTS.metricsServer}`,
        `--cert-dir=${run}/metrics-server-pki`,
        '--kubelet-insecure-tls=true',
        '--kubelet-preferred-address-types=InternalIP',
        '--kubelet-request-timeout=5s',
        '--metric-resolution=10s',
      ],
      after: ['kubelet'],
    },
    {
      name: 'argo-rollouts',
      command: programs['argo-rollouts'],
      args: [
        kubeconfig('admin'),
        '--leader-elect=false',
        `--metricsport=${PORTS.rollouts}`,
        '--healthzPort=8780',
        '--traefik-api-group=traefik.io',
        '--traefik-api-version=traefik.io/v1alpha1',
      ],
      after: ['kube-apiserver'],
    },
  ]
}

/** The files that the programs read, by their names in the cluster's folder. Tokens and keys are not among them. */
export const filesOf = ({ run, debian, group }: Layout): Readonly<Record<string, string>> => ({
  'containerd.toml': `version = 2
root = "${run}/containerd"
state = "/run/containerd"
[grpc]
  address = "${run}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  # Without the capability to lower it, runc cannot give a pause container its score.
  restrict_oom_score_adj = true
  sandbox_image = "127.0.0.1:${PORTS.registry}/pause:1"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${debian.root}/usr/lib/cni"
    conf_dir = "${run}/cni"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "${run}/registries"
`,
  [`registries/127.0.0.1:${PORTS.registry}/hosts.toml`]: `server = "http://127.0.0.1:${PORTS.registry}"
[host."http://127.0.0.1:${PORTS.registry}"]
  capabilities = ["pull", "resolve"]
`,
  'cni/10-bridge.conflist': JSON.stringify({
    cniVersion: '1.0.0',
    name: 'pods',
    plugins: [
      {
        type: 'bridge',
        bridge: 'pods0',
        isDefaultGateway: true,
        ipMasq: false,
        hairpinMode: true,
        ipam: { type: 'host-local', ranges: [[{ subnet: POD_RANGE }]], dataDir: `${run}/ipam` },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  }),
  'kubelet.yaml': `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: cgroupfs
cgroupRoot: /${group}
failCgroupV1: false
failSwapOn: false
localStorageCapacityIsolation: false
makeIPTablesUtilChains: false
containerRuntimeEndpoint: unix://${run}/containerd.sock
podLogsDir: ${run}/pod-logs
staticPodPath: ""
resolvConf: ${run}/resolv.conf
syncFrequency: 10s
nodeStatusUpdateFrequency: 4s
imageGCHighThresholdPercent: 99
evictionHard: { memory.available: "1Mi", nodefs.available: "0%", imagefs.available: "0%" }
registerWithTaints: []
maxPods: 200
authentication: { anonymous: { enabled: true }, webhook: { enabled: false } }
authorization: { mode: AlwaysAllow }
serializeImagePulls: false
`,
  'resolv.conf': 'nameserver 127.0.0.1\n',
  'proxy.yaml': `apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clientConnection: { kubeconfig: ${run}/admin.kubeconfig }
mode: nftables
clusterCIDR: ${POD_RANGE}
conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s }
healthzBindAddress: 127.0.0.1:10256
metricsBindAddress: 127.0.0.1:10249
`,
  'registry.yaml': `version: 0.1
log: { level: warn }
storage:
  filesystem: { rootdirectory: ${run}/registry }
  delete: { enabled: true }
http:
  addr: 0.0.0.0:${PORTS.registry}
`,
  'prometheus.yaml': `global: { scrape_interval: 2s, scrape_timeout: 2s }
scrape_configs:
  - job_name: traefik
    static_configs: [{ targets: ["127.0.0.1:${PORTS.traefik}"] }]
  - job_name: pods
    kubernetes_sd_configs: [{ role: pod, kubeconfig_file: ${run}/admin.kubeconfig }]
    relabel_configs:
      - { source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_scrape], action: keep, regex: "true" }
      - { source_labels: [__meta_kubernetes_pod_phase], action: keep, regex: Running }
      - source_labels: [__meta_kubernetes_pod_ip, __meta_kubernetes_pod_annotation_prometheus_io_port]
        regex: (.+);(.+)
        target_label: __address__
        replacement: $1:$2
      - { source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_path], target_label: __metrics_path__, regex: (.+) }
      - { source_labels: [__meta_kubernetes_namespace], target_label: namespace }
      - { source_labels: [__meta_kubernetes_pod_name], target_label: pod }
`,
})
