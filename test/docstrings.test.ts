import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '..')

/** The exports of a source that no docstring stands right above, as `line name`. Re-exports are explained where they are defined. */
const undocumented = (source: string): readonly string[] => {
  const lines = source.split('\n')
  return lines.flatMap((line, index) => {
    const name = /^export (?:async )?(?:const|type|class|function) (\w+)/.exec(line)?.[1]
    return name === undefined || lines[index - 1]?.trimEnd().endsWith('*/') ? [] : [`${index + 1} ${name}`]
  })
}

test('an export without a docstring is found', () => {
  expect(undocumented('/** A. */\nexport const a = 1\n\nexport type B = 1\nexport { c } from "./c.ts"')).toEqual([
    '4 B',
  ])
})

test('every export has a docstring', () => {
  const files = globSync(['packages/*/src/**/*.ts', 'actions/*/src/**/*.ts', 'scripts/**/*.ts'], { cwd: ROOT })
  expect(files.length).toBeGreaterThan(100)
  expect(
    files.flatMap((file) => undocumented(readFileSync(join(ROOT, file), 'utf8')).map((where) => `${file}:${where}`)),
  ).toEqual([])
})
