/**
 * One name for a platform that has several: aliases of architectures are resolved, and a variant that every such machine has is left out, as BuildKit does.
 * Source: containerd's platforms (normalizeArch, Normalize)
 */
export const plainPlatform = (platform: string): string => {
  const [system = '', architecture = '', ...variant] = platform.toLowerCase().split('/')
  const name = [system, ALIASES[architecture] ?? architecture, ...variant].join('/')
  return SAME[name] ?? name
}

const ALIASES: Readonly<Record<string, string>> = {
  x86_64: 'amd64',
  'x86-64': 'amd64',
  aarch64: 'arm64',
  i386: '386',
  armhf: 'arm/v7',
  armel: 'arm/v6',
}

const SAME: Readonly<Record<string, string>> = {
  'linux/arm64/v8': 'linux/arm64',
  'linux/amd64/v1': 'linux/amd64',
  'linux/arm': 'linux/arm/v7',
}
