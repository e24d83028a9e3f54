import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Copies `templates/action` to `actions/<name>`, with the name put in. @returns the new folder, or a sentence that says why not */
export const newAction = (root: string, name: string): { readonly folder: string } | { readonly problem: string } => {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name))
    return { problem: `${name || '(no name)'} is no name: use words-like-this` }
  const folder = join(root, 'actions', name)
  if (existsSync(folder)) return { problem: `actions/${name} is there already` }
  cpSync(join(root, 'templates/action'), folder, { recursive: true })
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    writeFileSync(path, readFileSync(path, 'utf8').replaceAll('__NAME__', name))
  }
  return { folder }
}

if (import.meta.main) {
  const name = process.argv[2] ?? ''
  const made = newAction(join(import.meta.dirname, '..'), name)
  if ('problem' in made) {
    console.error(`${made.problem}\nusage: npm run new-action NAME`)
    process.exitCode = 1
  } else {
    console.log(
      `actions/${name} made. Next: npx pnpm@12.21.0 install, then npm run docs && npm run build ${name} && npm test`,
    )
  }
}
