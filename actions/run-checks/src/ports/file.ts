import { readFileSync, statSync } from 'node:fs'
import { FILE_LIMIT, readSluiceFile, type SluiceFile } from '@sluice/delivery/file'
import { describe, Fault } from '@sluice/kit/faults'

/**
 * Reads the file that names the checks.
 * @throws Fault('input') for what is not there, no file (a pipe would be waited for without end), too large, not UTF-8, or wrong; the last with every problem
 */
export const readFile = (file: string): SluiceFile => readSluiceFile(textOf(file), file)

const textOf = (file: string): string => {
  try {
    const found = statSync(file)
    if (!found.isFile()) return refuse(file, 'cannot be read: it is not a file')
    if (found.size > FILE_LIMIT) return refuse(file, `is larger than ${FILE_LIMIT / 1024} KiB`)
    return UTF8.decode(readFileSync(file))
  } catch (thrown) {
    if (thrown instanceof TypeError) return refuse(file, 'is not UTF-8 text')
    if (thrown instanceof Fault || !(thrown instanceof Error && 'code' in thrown)) throw thrown
    const missing = thrown.code === 'ENOENT'
    return refuse(file, missing ? `does not exist in ${process.cwd()}` : `cannot be read: ${describe(thrown)}`)
  }
}

// Bytes that are not UTF-8 must not end up in a command as question marks. Decoding them throws a TypeError.
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const refuse = (file: string, what: string): never => {
  throw new Fault('input', `Invalid input: file: ${file} ${what}`, 'Check the repository out before this step.')
}
