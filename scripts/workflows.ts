import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { conclude, settle, type Written } from './written.ts'

const FIRST_LINE = /^# Published from (reusable-workflows\/[\w-]+\.yml)/

/**
 * The workflows as published: GitHub calls only files at the top of `.github/workflows/` and follows no symlinks, so each
 * `reusable-workflows/<name>.yml` is copied there under a first line that says where to edit it.
 */
export const published = (root: string): readonly Written[] =>
  files(join(root, 'reusable-workflows')).map((name) => ({
    path: `.github/workflows/${name}`,
    text: `# Published from reusable-workflows/${name} by \`npm run workflows\`: edit it there.\n${readFileSync(join(root, 'reusable-workflows', name), 'utf8')}`,
  }))

/** Published workflows whose source is gone, one sentence each. */
export const orphans = (root: string): readonly string[] =>
  files(join(root, '.github/workflows')).flatMap((name) => {
    const source = FIRST_LINE.exec(readFileSync(join(root, '.github/workflows', name), 'utf8'))?.[1]
    return source === undefined || existsSync(join(root, source)) ? [] : [`.github/workflows/${name} has no ${source}`]
  })

const files = (folder: string): readonly string[] =>
  existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.yml')) : []

if (import.meta.main) {
  const root = join(import.meta.dirname, '..')
  const check = process.argv.includes('--check')
  const lines = [...settle(root, published(root), check), ...orphans(root)]
  conclude(lines, { check, hint: 'npm run workflows publishes them; one without a source is deleted by hand' })
}
