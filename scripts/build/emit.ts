import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runNode } from '../process.ts'

/**
 * Emits the JavaScript of every package and action into `folder`, keeping the tree, and makes `@sluice/<name>/<file>` resolve there.
 * Types are not checked here: `npm run types` does that. `folder` must be three levels below the checkout, so that module paths, and with
 * them the bundler's module ids, are the same in every checkout.
 * @throws Error with the compiler's own words
 */
export const emit = async (root: string, folder: string): Promise<void> => {
  mkdirSync(folder, { recursive: true })
  const compiler = join(import.meta.dirname, '../../node_modules/typescript/bin/tsc')
  const { code, output } = await runNode([compiler, '-p', 'tsconfig.build.json', '--outDir', folder], { cwd: root })
  if (code !== 0) throw new Error(`tsc could not emit:\n${output}`)
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n')
  const scope = join(folder, 'node_modules/@sluice')
  mkdirSync(scope, { recursive: true })
  for (const name of foldersIn(join(root, 'packages'))) {
    const target = join(folder, 'packages', name)
    if (!existsSync(target)) continue
    const manifest = { name: `@sluice/${name}`, type: 'module', sideEffects: false, exports: { './*': './src/*.js' } }
    writeFileSync(join(target, 'package.json'), JSON.stringify(manifest))
    symlinkSync(target, join(scope, name), 'junction')
  }
}

/** The names of a folder's subfolders, sorted; none when it is not there. */
export const foldersIn = (path: string): readonly string[] =>
  existsSync(path)
    ? readdirSync(path, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => name)
        .sort()
    : []
