import { lstatSync, mkdirSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs'
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { describe, Fault } from '@sluice/kit/faults'

/** A longer text is none that JavaScript can hold. */
const LARGEST = 500 * 1024 * 1024

/** Files of exceptions are told of in comments and logs, and may be those of a pull request. */
const GUARDED = ['ignore-file', 'vex']

/**
 * A file that an input names, or that is looked for by itself.
 * @param input the name of the input, for the message
 * @param named where nobody named it, it has to be a regular file; a file of exceptions in the workspace that is named may be a link within it
 * @throws Fault('input') for what is not there, no file (a pipe would be waited for without end), too large, leads where it must not, or may not be read
 */
export const readNamed = (input: string, path: string, named: 'named' | 'unnamed' = 'named'): string => {
  const next =
    named === 'named'
      ? 'Correct the path, or make the file in a step before'
      : `Make it a regular file, name another with ${input}, or say ${input}: none`
  const refuse = (what: string): never => {
    throw new Fault('input', `Invalid input: ${input}: ${path} ${what}`, next)
  }
  try {
    if (named === 'unnamed' && !lstatSync(path).isFile())
      return refuse('is no regular file: a link could lead to what nobody should see')
    if (GUARDED.includes(input) && isElsewhere(path, named))
      return refuse('leads out of the workspace, or to where Git keeps its own, by a symbolic link')
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

/** Whether a path of the workspace is really one of a file elsewhere, or of one below `.git`, which may hold the token of the checkout. What a caller names elsewhere is the caller's own. */
const isElsewhere = (path: string, named: 'named' | 'unnamed'): boolean => {
  const [written, workspace] = [relative(process.cwd(), resolve(path)), realpathSync(process.cwd())]
  if (named === 'named' && isOutside(written)) return false
  const real = relative(workspace, realpathSync(path))
  return join(real) !== join(written) && (isOutside(real) || real.toLowerCase().split(sep).includes('.git'))
}

const isOutside = (path: string): boolean => path === '..' || path.startsWith(`..${sep}`) || isAbsolute(path)

/** Whether something is there by this name, whatever it is: also a link that leads nowhere. */
export const isThere = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined

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
