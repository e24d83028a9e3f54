import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { policyOf, type Sources } from '../build/sources.ts'

const LARGEST = 64 * 1024 * 1024

/** Reads a file of JSON; `undefined` for one that is not there, too large, or none. */
export const readJson = (file: string): unknown => {
  try {
    return statSync(file).size > LARGEST ? undefined : JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}

/** The digest of what was pushed. Source: https://docs.docker.com/reference/cli/docker/buildx/build/#metadata-file */
export const digestIn = (metadata: unknown): string | undefined => {
  const digest =
    typeof metadata === 'object' && metadata !== null && 'containerimage.digest' in metadata
      ? metadata['containerimage.digest']
      : ''
  return typeof digest === 'string' && /^sha256:[0-9a-f]{64}$/.test(digest) ? digest : undefined
}

/** Source: https://docs.docker.com/build/building/variables/#experimental_buildkit_source_policy */
const POLICY = 'EXPERIMENTAL_BUILDKIT_SOURCE_POLICY'

/**
 * Writes the policy that pins a build's sources. What the job has of its own stays in force.
 * @returns the variable that names it to buildx; none where there is nothing to pin
 */
export const writePolicy = (
  sources: Sources,
  file: string,
  env: NodeJS.ProcessEnv,
): Readonly<Record<string, string>> => {
  const own = env[POLICY]
  const policy = own ? policyOf(sources, readJson(own) ?? '') : policyOf(sources)
  if (policy === undefined) return {}
  writeFileSync(file, JSON.stringify(policy))
  return { [POLICY]: file }
}
