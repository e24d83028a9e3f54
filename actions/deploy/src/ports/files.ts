import { globSync, readFileSync, type Stats, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Source } from '../manifests.ts'

/**
 * Reads the files that the `manifests` input names: files, globs (`k8s/*.yaml`, `k8s/**`), and folders (their .yaml, .yml and .json files,
 * not deeper). Each file once, in the order of the entries, sorted within one.
 */
export const readSources = (
  entries: readonly string[],
): { readonly sources: readonly Source[]; readonly problems: readonly string[] } => {
  const paths = new Set<string>()
  const problems: string[] = []
  for (const entry of entries) {
    const found = pathsOf(entry)
    if (typeof found === 'string') problems.push(found)
    else for (const path of found) paths.add(path)
  }
  const sources: Source[] = []
  for (const path of paths) {
    try {
      const text = UTF8.decode(readFileSync(path))
      if (text.trim() === '') problems.push(`${path}:1:1: is empty: it should hold at least one object`)
      else sources.push({ path, text })
    } catch (thrown) {
      problems.push(`manifests names a file that ${reasonOf(thrown)}: ${path}`)
    }
  }
  return { sources, problems }
}

// Bytes that are not UTF-8 must not end up in the cluster as question marks.
const UTF8 = new TextDecoder('utf-8', { fatal: true })

const MANIFEST = /\.(ya?ml|json)$/i

const pathsOf = (entry: string): readonly string[] | string => {
  const stat = statOf(entry)
  if (stat?.isFile()) return [entry]
  if (stat?.isDirectory()) {
    const found = globSync('*', { cwd: entry })
      .filter((name) => MANIFEST.test(name))
      .sort()
    return found.length > 0
      ? found.map((name) => join(entry, name))
      : `manifests names a folder without .yaml, .yml or .json files: ${entry}`
  }
  if (!/[*?[{]/.test(entry)) return `manifests names a file that does not exist: ${entry}`
  const found = globSync(entry)
    .filter((path) => MANIFEST.test(path) && statOf(path)?.isFile())
    .sort()
  return found.length > 0 ? found : `manifests has a pattern that matches no .yaml, .yml or .json file: ${entry}`
}

/** Undefined for what is not there, a link to nowhere, and a path that is none; reading it says why. */
const statOf = (path: string): Stats | undefined => {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch {
    return undefined
  }
}

const reasonOf = (thrown: unknown): string => {
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : String(thrown)
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return 'is not UTF-8 text'
  return code === 'EACCES' ? 'may not be read' : `cannot be read (${code})`
}
