import { execFileSync } from 'node:child_process'
import { lstatSync } from 'node:fs'
import { join } from 'node:path'

/**
 * The account that publishes this repository, as examples name it in `uses: OWNER/sluice/…@v1`. The one place that knows it: a fork or a
 * release sets it here and runs `npm test`, which names every example that still says another one.
 */
export const OWNER = 'OWNER'

/** The major version that examples name. */
export const MAJOR = 'v1'

/** Every file of the checkout that git knows or would add, as paths with `/`, sorted; deleted ones are left out. */
export const repositoryFiles = (root: string): readonly string[] =>
  execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
    .split('\0')
    .filter((path) => path !== '' && lstatSync(join(root, path), { throwIfNoEntry: false }) !== undefined)
    .sort()
