/**
 * One name for a platform that has two: a variant that every such machine has is left out, as BuildKit does.
 * Source: containerd's platforms.Normalize.
 */
export const normal = (platform: string): string => {
  const name = platform.toLowerCase()
  return SAME[name] ?? name
}

const SAME: Readonly<Record<string, string>> = {
  'linux/arm64/v8': 'linux/arm64',
  'linux/amd64/v1': 'linux/amd64',
  'linux/arm': 'linux/arm/v7',
}

/** Those that are asked for and not there; as they were asked for. */
export const missingPlatforms = (asked: readonly string[], there: readonly string[]): readonly string[] =>
  asked.filter((platform) => !there.some((one) => normal(one) === normal(platform)))
