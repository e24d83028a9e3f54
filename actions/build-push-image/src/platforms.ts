/** What Go builds for, and so what an image can be of. Source: `go tool dist list`; containerd's platforms */
const SYSTEMS = ['linux', 'windows', 'darwin', 'freebsd', 'wasip1', 'wasi']
const ARCHITECTURES = [
  ...['amd64', 'arm64', 'arm', '386', 'ppc64le', 'ppc64', 's390x', 'riscv64', 'loong64'],
  ...['mips64le', 'mips64', 'mipsle', 'mips', 'wasm'],
]
/** Other names of the same. Source: containerd's platforms (normalizeArch) */
const ALIASES: Readonly<Record<string, string>> = {
  x86_64: 'amd64',
  'x86-64': 'amd64',
  aarch64: 'arm64',
  i386: '386',
  armhf: 'arm/v7',
  armel: 'arm/v6',
}

/** One name for a platform that has several: aliases are resolved, and a variant that every such machine has is left out, as BuildKit does. */
export const normal = (platform: string): string => {
  const [system = '', architecture = '', ...variant] = platform.toLowerCase().split('/')
  const name = [system, ALIASES[architecture] ?? architecture, ...variant].join('/')
  return SAME[name] ?? name
}

const SAME: Readonly<Record<string, string>> = {
  'linux/arm64/v8': 'linux/arm64',
  'linux/amd64/v1': 'linux/amd64',
  'linux/arm': 'linux/arm/v7',
}

/** Why nothing can be built for a platform, after its name; `undefined` when something can. */
export const platformProblem = (platform: string): string | undefined => {
  const [system = '', architecture = '', variant, ...rest] = normal(platform).split('/')
  if (rest.length > 0 || architecture === '') return 'is no platform such as linux/amd64'
  if (!SYSTEMS.includes(system)) return `names no system that images are for: ${SYSTEMS.join(', ')}`
  if (!ARCHITECTURES.includes(architecture)) return `names no architecture: ${ARCHITECTURES.join(', ')}`
  return variant === undefined || /^[a-z0-9.]+$/.test(variant) ? undefined : 'has a variant that is none'
}

/** Those that are asked for and not there; as they were asked for. */
export const missingPlatforms = (asked: readonly string[], there: readonly string[]): readonly string[] =>
  asked.filter((platform) => !there.some((one) => normal(one) === normal(platform)))
