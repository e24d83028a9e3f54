import { chmodSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe } from '@sluice/kit/faults'

/**
 * Removes a folder with all that is in it, parts that nobody may write to included: module caches leave such. One that is not there is removed.
 * @returns why it is still there; empty: it is gone
 */
export const removeFolder = (folder: string): string => {
  if (failure(() => remove(folder)) === '') return ''
  failure(() => open(folder))
  return failure(() => remove(folder))
}

const remove = (folder: string): void => rmSync(folder, { recursive: true, force: true, maxRetries: 5 })

const open = (folder: string): void => {
  chmodSync(folder, 0o700)
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory()) open(join(folder, entry.name))
}

const failure = (act: () => void): string => {
  try {
    act()
    return ''
  } catch (thrown) {
    return describe(thrown)
  }
}
