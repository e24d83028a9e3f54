import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { minifySync } from 'rolldown/utils'
import { runNode } from '../process.ts'

const LICENCES = '.licenses.txt'
const NEWLINE = Buffer.from('\n')

/**
 * Bundles an action's emitted JavaScript into `out`: minified, no maps, an ES module with its own package.json.
 * @throws Error with the bundler's own words
 */
export const bundle = async (action: string, emitted: string, out: string): Promise<void> => {
  const ncc = join(import.meta.dirname, '../../node_modules/@vercel/ncc/dist/ncc/cli.js')
  const input = join('actions', action, 'src/main.js')
  const args = [ncc, 'build', input, '--out', relative(emitted, out), '--minify', '--target', 'es2022', '--no-cache']
  const { code, output } = await runNode([...args, '--license', `[name]${LICENCES}`, '--quiet'], {
    cwd: emitted,
    env: { ...process.env, TYPESCRIPT_DISABLED: '1' },
  })
  if (code !== 0) throw new Error(`ncc could not bundle ${action}:\n${output}`)
  minifyChunks(out)
  joinLicences(out)
}

/** The bundler writes one list of licences a file; users look for one. */
const joinLicences = (out: string): void => {
  const lists = [...filesIn(out)].filter(([path]) => path.endsWith(LICENCES))
  for (const [path] of lists) rmSync(join(out, path))
  writeFileSync(join(out, 'licenses.txt'), Buffer.concat(lists.map(([, bytes]) => Buffer.concat([bytes, NEWLINE]))))
}

/** What is loaded by `import()` becomes a file of its own, `<id>.index.js`; ncc minifies only the first file. */
const minifyChunks = (out: string): void => {
  for (const [path, bytes] of filesIn(out)) {
    if (!path.endsWith('.js') || path === 'index.js') continue
    const { code, errors } = minifySync(path, bytes.toString(), { module: true, compress: { target: 'es2022' } })
    if (errors.length > 0) throw new Error(`${path} could not be minified: ${errors[0]?.message}`)
    writeFileSync(join(out, path), code)
  }
}

/** A folder's files, relative path → bytes. */
export const filesIn = (folder: string): ReadonlyMap<string, Buffer> =>
  new Map(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .map((path) => [relative(folder, path), readFileSync(path)]),
  )
