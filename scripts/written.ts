import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** A file that a script writes: its path in the checkout and the text it must have. */
export type Written = { readonly path: string; readonly text: string }

/**
 * Writes the files that differ, or with `check` only names them.
 * @returns one sentence per file that was written or, with `check`, is not as it should be
 */
export const settle = (root: string, files: readonly Written[], check: boolean): readonly string[] =>
  files
    .filter(({ path, text }) => !existsSync(join(root, path)) || readFileSync(join(root, path), 'utf8') !== text)
    .map(({ path, text }) => {
      if (check) return `${path} is not what its source gives`
      mkdirSync(dirname(join(root, path)), { recursive: true })
      writeFileSync(join(root, path), text)
      return `${path} written`
    })

/** The end of a script that finds or writes: prints the lines; with `check`, any line fails the process. */
export const conclude = (lines: readonly string[], { check, hint }: { check: boolean; hint: string }): void => {
  for (const line of lines) console.log(line)
  if (check && lines.length > 0) {
    console.log(hint)
    process.exitCode = 1
  }
}
