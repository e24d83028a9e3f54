import { readFileSync, statSync } from 'node:fs'
import { describe, Fault } from '@sluice/kit/faults'
import type { BuildOrder } from '../build/order.ts'

/** BuildKit takes no secret that is larger. Source: github.com/moby/buildkit (session/secrets) */
const LARGEST = 500 * 1024
/** What is larger is nothing that is logged by chance. */
const LARGEST_KNOWN = 64 * 1024

/** @throws Fault('input') for a file that BuildKit would take for no secret */
export const checkSecretFile = (id: string, path: string): void => {
  const refuse = (what: string): never => {
    throw new Fault(
      'input',
      `Invalid input: secret-files: ${id}: ${path} ${what}`,
      'Correct the path, or make the file in a step before',
    )
  }
  try {
    const found = statSync(path)
    if (!found.isFile()) refuse('is not a file')
    if (found.size === 0) refuse('is empty')
    if (found.size > LARGEST) refuse('is larger than 500 KiB, the most that BuildKit takes')
  } catch (thrown) {
    if (thrown instanceof Fault) throw thrown
    refuse(
      thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT'
        ? 'does not exist'
        : `cannot be read: ${describe(thrown)}`,
    )
  }
}

/** All that a build is given in secret, as far as it can be read, to be left out of what is said of it. */
export const secretsOf = ({ secrets, secretFiles }: BuildOrder): readonly string[] => [
  ...secrets.map(({ value }) => value),
  ...secretFiles.flatMap(({ path }) => {
    try {
      return statSync(path).size <= LARGEST_KNOWN ? [readFileSync(path, 'utf8')] : []
    } catch {
      return []
    }
  }),
]
