import type { Finding } from '@sluice/kit/report'
import { note, refusal } from './finding.ts'
import type { Container, Labels, PodTemplate } from './objects.ts'

/** The label by which a namespace refuses pods. https://kubernetes.io/docs/concepts/security/pod-security-admission/ */
export const ENFORCE = 'pod-security.kubernetes.io/enforce'
/** The label by which its checks are those of one version of Kubernetes, `v1.31`; absent or `latest`: all that the server has. */
export const ENFORCE_VERSION = 'pod-security.kubernetes.io/enforce-version'

/**
 * What Pod Security would refuse in pods of this template, by the namespace's `enforce` label: a Deployment passes all the same, only its pods do not.
 * The checks are those of the Pod Security Standards (baseline and restricted, Linux), as Kubernetes 1.34 makes them, but for what an older label or
 * `server` does not check yet (its version, absent where it is not known). Exemptions that the API server was started with are not seen, hence the word
 * that allows it.
 */
export const podSecurityFindings = (
  template: PodTemplate,
  namespace: Labels | undefined,
  given: { readonly allow: readonly string[]; readonly where: string; readonly server?: string | undefined },
): readonly Finding[] => {
  const level = namespace?.[ENFORCE]
  if (level !== 'baseline' && level !== 'restricted') return []
  const checks = (minor: number): boolean => isChecked(minor, namespace?.[ENFORCE_VERSION], given.server)
  const broken = [...baseline(template, checks), ...(level === 'restricted' ? restricted(template) : [])]
  if (broken.length === 0) return []
  const text = `the namespace's label ${ENFORCE}=${level} would refuse canary pods: ${broken.join('; ')}`
  const id = `podsecurity/${level}`
  if (given.allow.includes(id)) return [note('pod-security', `${text}; allowed by the plan`)]
  return [
    refusal('pod-security', text, {
      where: given.where,
      hint: `Change the pod template first: stable's pods would not come back either. If the API server exempts this namespace, accept it with \`allow: ["${id}"]\` in the plan.`,
    }),
  ]
}

/** Whether what came with this minor version is checked: a label cannot ask for more than the server has. Where neither is known nothing is refused for it. */
const isChecked = (since: number, pinned: string | undefined, server: string | undefined): boolean => {
  const minors = [pinned, server].flatMap((version) => /^v?1\.(\d+)/.exec(version ?? '')?.[1] ?? [])
  return minors.length > 0 && minors.every((minor) => Number(minor) >= since)
}

type Fields = Readonly<Record<string, unknown>>
const fields = (value: unknown): Fields => (typeof value === 'object' && value !== null ? (value as Fields) : {})
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

/** One check over all containers: the names of those that break it, with what they have to do. */
const overall = (
  template: PodTemplate,
  must: string,
  broken: (context: Fields, container: Container) => boolean,
): readonly string[] => {
  const names = containersOf(template)
    .filter((container) => broken(fields(container.securityContext), container))
    .map(({ name }) => name)
  return names.length === 0 ? [] : [`container ${names.join(', ')} ${must}`]
}

const containersOf = ({ spec }: PodTemplate): readonly Container[] => [
  ...(list(spec.initContainers) as readonly Container[]),
  ...spec.containers,
]

const baseline = (template: PodTemplate, checks: (minor: number) => boolean): readonly string[] => {
  const { spec, metadata } = template
  const pod = fields(spec.securityContext)
  const shared = ['hostNetwork', 'hostPID', 'hostIPC'].filter((name) => spec[name] === true)
  const paths = (spec.volumes ?? []).filter((volume) => 'hostPath' in volume).map(({ name }) => name)
  const sysctls = list(pod.sysctls).flatMap((each) => {
    const name = String(fields(each).name)
    return SYSCTLS.includes(name) ? [] : [name]
  })
  const unconfined = Object.entries(metadata?.annotations ?? {}).filter(
    ([key, value]) =>
      key.startsWith(APPARMOR) && value !== 'runtime/default' && !value.startsWith('localhost/') && value !== '',
  )
  return [
    ...(shared.length > 0 ? [`the pod must not set ${shared.join(', ')}`] : []),
    ...(paths.length > 0 ? [`volume ${paths.join(', ')} must not be a hostPath`] : []),
    ...(sysctls.length > 0 ? [`sysctl ${sysctls.join(', ')} is not allowed`] : []),
    ...(unconfined.length > 0 || isUnconfined(pod.appArmorProfile)
      ? ['the pod must not be without AppArmor profile']
      : []),
    ...(isUnconfined(pod.seccompProfile) ? ['the pod must not have seccompProfile Unconfined'] : []),
    ...(isForeign(pod.seLinuxOptions) ? ['the pod must not set SELinux user, role or such a type'] : []),
    ...(fields(pod.windowsOptions).hostProcess === true ? ['the pod must not be a host process'] : []),
    ...overall(template, 'must not be privileged', ({ privileged }) => privileged === true),
    ...overall(template, 'must not add such capabilities', ({ capabilities }) =>
      list(fields(capabilities).add).some((name) => !CAPABILITIES.includes(String(name))),
    ),
    ...overall(template, 'must not take a hostPort', (_, { ports = [] }) =>
      ports.some(({ hostPort = 0 }) => hostPort !== 0),
    ),
    ...overall(
      template,
      'must have the default procMount',
      ({ procMount }) => (procMount ?? 'Default') !== 'Default' && spec.hostUsers !== false,
    ),
    ...overall(template, 'must not be without AppArmor profile', ({ appArmorProfile }) =>
      isUnconfined(appArmorProfile),
    ),
    ...overall(template, 'must not have seccompProfile Unconfined', ({ seccompProfile }) =>
      isUnconfined(seccompProfile),
    ),
    ...overall(template, 'must not set SELinux user, role or such a type', ({ seLinuxOptions }) =>
      isForeign(seLinuxOptions),
    ),
    ...overall(
      template,
      'must not be a host process',
      ({ windowsOptions }) => fields(windowsOptions).hostProcess === true,
    ),
    ...(checks(HOSTS_SINCE)
      ? overall(template, 'must not name a host in probes and hooks', (_, container) => asksElsewhere(container))
      : []),
  ]
}

const restricted = (template: PodTemplate): readonly string[] => {
  const { spec } = template
  const pod = fields(spec.securityContext)
  const volumes = (spec.volumes ?? []).filter(
    (volume) =>
      !('hostPath' in volume) &&
      !Object.keys(volume).some((key) => VOLUMES.includes(key)) &&
      Object.keys(volume).length > 1,
  )
  const userNamespace = spec.hostUsers === false
  return [
    ...(volumes.length > 0
      ? [`volume ${volumes.map(({ name }) => name).join(', ')} is of a kind that is not allowed`]
      : []),
    ...(pod.runAsUser === 0 && !userNamespace ? ['the pod must not set runAsUser=0'] : []),
    ...overall(
      template,
      'must set securityContext.allowPrivilegeEscalation=false',
      ({ allowPrivilegeEscalation }) => allowPrivilegeEscalation !== false,
    ),
    ...overall(
      template,
      'must set securityContext.capabilities.drop=["ALL"] and add NET_BIND_SERVICE at most',
      ({ capabilities }) => {
        const { drop, add } = fields(capabilities)
        return !list(drop).includes('ALL') || list(add).some((name) => name !== 'NET_BIND_SERVICE')
      },
    ),
    ...overall(
      template,
      'must run with runAsNonRoot=true',
      ({ runAsNonRoot }) => (runAsNonRoot ?? pod.runAsNonRoot) !== true && !userNamespace,
    ),
    ...overall(template, 'must not set runAsUser=0', ({ runAsUser }) => runAsUser === 0 && !userNamespace),
    ...overall(
      template,
      'must have seccompProfile RuntimeDefault or Localhost',
      ({ seccompProfile }) =>
        !['RuntimeDefault', 'Localhost'].includes(String(fields(seccompProfile ?? pod.seccompProfile).type)),
    ),
  ]
}

const isUnconfined = (profile: unknown): boolean => fields(profile).type === 'Unconfined'
const isForeign = (options: unknown): boolean => {
  const { type = '', user = '', role = '' } = fields(options)
  return !SELINUX.includes(String(type)) || user !== '' || role !== ''
}
const asksElsewhere = ({ livenessProbe, readinessProbe, startupProbe, lifecycle }: Container): boolean => {
  const { postStart, preStop } = fields(lifecycle)
  return [livenessProbe, readinessProbe, startupProbe, postStart, preStop].some((each) =>
    [fields(each).httpGet, fields(each).tcpSocket].some((asked) => (fields(asked).host ?? '') !== ''),
  )
}

/** Of what changed since the labels are stable (1.25) the only check that refuses more. */
const HOSTS_SINCE = 34
const APPARMOR = 'container.apparmor.security.beta.kubernetes.io/'
const SELINUX = ['', 'container_t', 'container_init_t', 'container_kvm_t', 'container_engine_t']
const CAPABILITIES = [
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
]
const SYSCTLS = [
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ping_group_range',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.tcp_wmem',
]
const VOLUMES = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'image',
  'persistentVolumeClaim',
  'projected',
  'secret',
]
