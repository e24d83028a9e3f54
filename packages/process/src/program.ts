import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** The folders of a PATH in its order, without the empty ones, which stand for the folder one is in. */
export const foldersOf = (path: string | undefined): readonly string[] =>
  (path ?? '').split(delimiter).filter((folder) => folder !== '')

/** The path of the first file of this name that may be executed; `undefined` where no folder has one. */
export const programIn = (folders: readonly string[], name: string): string | undefined =>
  folders
    .map((folder) => join(folder, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK)
        return statSync(file).isFile()
      } catch {
        return false
      }
    })
