import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { FILE_LIMIT } from '@sluice/delivery/file'
import { describe, Fault } from '@sluice/kit/faults'

/**
 * The text of sluice.yml.
 * @throws Fault('input') when it is missing, no file, too large, not UTF-8, or may not be read
 */
export const readText = (file: string): string => {
  try {
    const found = statSync(file)
    if (!found.isFile()) throw new Fault('input', `Invalid input: file: ${file} is not a file`)
    if (found.size > FILE_LIMIT)
      throw new Fault('input', `Invalid input: file: ${file} is larger than ${FILE_LIMIT / 1024} KiB`)
    return UTF8.decode(readFileSync(file))
  } catch (thrown) {
    if (thrown instanceof Fault) throw thrown
    if (thrown instanceof TypeError) throw new Fault('input', `Invalid input: file: ${file} is not UTF-8 text`)
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

// Bytes that are not UTF-8 must not end up in a command or a name as question marks. Decoding them throws a TypeError.
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

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
