import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { describe, Fault } from '@sluice/kit/faults'

/** A longer text is none that JavaScript can hold. */
const LARGEST = 500 * 1024 * 1024

/**
 * A file that an input names.
 * @param input the name of the input, for the message
 * @throws Fault('input') for what is not there, no file (a pipe would be waited for without end), too large, or may not be read
 */
export const readNamed = (input: string, path: string): string => {
  const refuse = (what: string): never => {
    throw new Fault(
      'input',
      `Invalid input: ${input}: ${path} ${what}`,
      'Correct the path, or make the file in a step before',
    )
  }
  try {
    const found = statSync(path)
    if (!found.isFile()) return refuse('is not a file')
    if (found.size > LARGEST) return refuse(`is larger than ${LARGEST / 1024 / 1024} MiB`)
    return readFileSync(path, 'utf8')
  } catch (thrown) {
    if (thrown instanceof Fault || !(thrown instanceof Error && 'code' in thrown)) throw thrown
    return refuse(
      thrown.code === 'ENOENT' ? `does not exist in ${process.cwd()}` : `cannot be read: ${describe(thrown)}`,
    )
  }
}

/** Whether something is there by this name, whatever it is. */
export const isThere = (path: string): boolean => existsSync(path)

/** Writes a file, making its folder. @returns why it could not be written; `undefined` when it was */
export const write = (path: string, text: string): string | undefined => {
  try {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
    return undefined
  } catch (thrown) {
    return describe(thrown)
  }
}
