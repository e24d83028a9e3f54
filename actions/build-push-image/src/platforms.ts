import { plainPlatform } from '@sluice/delivery/platform'

/** What Go builds for, and so what an image can be of. Source: `go tool dist list`; containerd's platforms */
const SYSTEMS = ['linux', 'windows', 'darwin', 'freebsd', 'wasip1', 'wasi']
const ARCHITECTURES = [
  ...['amd64', 'arm64', 'arm', '386', 'ppc64le', 'ppc64', 's390x', 'riscv64', 'loong64'],
  ...['mips64le', 'mips64', 'mipsle', 'mips', 'wasm'],
]

/** Why nothing can be built for a platform, after its name; `undefined` when something can. */
export const platformProblem = (platform: string): string | undefined => {
  const [system = '', architecture = '', variant, ...rest] = plainPlatform(platform).split('/')
  if (rest.length > 0 || architecture === '') return 'is no platform such as linux/amd64'
  if (!SYSTEMS.includes(system)) return `names no system that images are for: ${SYSTEMS.join(', ')}`
  if (!ARCHITECTURES.includes(architecture)) return `names no architecture: ${ARCHITECTURES.join(', ')}`
  return variant === undefined || /^[a-z0-9.]+$/.test(variant) ? undefined : 'has a variant that is none'
}

/** Those that are asked for and not there; as they were asked for. */
export const missingPlatforms = (asked: readonly string[], there: readonly string[]): readonly string[] =>
  asked.filter((platform) => !there.some((one) => plainPlatform(one) === plainPlatform(platform)))
