import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { FILE_LIMIT } from '@sluice/delivery/file'
import { describe, Fault } from '@sluice/kit/faults'

/**
 * The text of sluice.yml.
 * @throws Fault('input') when it is missing, no file, too large, or may not be read
 */
export const readText = (file: string): string => {
  try {
    const found = statSync(file)
    if (!found.isFile()) throw new Fault('input', `Invalid input: file: ${file} is not a file`)
    if (found.size > FILE_LIMIT)
      throw new Fault('input', `Invalid input: file: ${file} is larger than ${FILE_LIMIT / 1024} KiB`)
    return readFileSync(file, 'utf8')
  } catch (thrown) {
    if (thrown instanceof Fault) throw thrown
    const missing = thrown instanceof Error && 'code' in thrown && ['ENOENT', 'ENOTDIR'].includes(String(thrown.code))
    if (!missing) throw new Fault('input', `Invalid input: file: ${file} cannot be read: ${describe(thrown)}`)
    throw new Fault(
      'input',
      `Invalid input: file: ${file} does not exist in ${process.cwd()}`,
      existsSync('.git')
        ? 'Write it (README of the action delivery-plan), or name the one you have.'
        : 'Nothing is checked out here: put actions/checkout before this step.',
    )
  }
}

/** Writes release.json. @param folder made when it is not there */
export const keepRelease = (text: string, folder: string): { readonly path: string; readonly sha256: string } => {
  mkdirSync(folder, { recursive: true })
  const path = join(folder, 'release.json')
  writeFileSync(path, text)
  return { path, sha256: createHash('sha256').update(text).digest('hex') }
}

/** A folder of this step's own beside its report. */
export const folderBeside = (reportPath: string): string =>
  join(dirname(reportPath), reportPath.slice(dirname(reportPath).length + 1).replace(/\.json$/, ''))
