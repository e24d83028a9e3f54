import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { table } from '@sluice/kit/markdown'

type Schema = {
  readonly $ref?: string
  readonly description?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: Schema | boolean
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
  readonly default?: unknown
}

const ROOT = join(import.meta.dirname, '..')
const README = join(ROOT, 'README.md')
const schema = JSON.parse(readFileSync(join(ROOT, 'sluice.schema.json'), 'utf8'))

/** Every key of sluice.yml as a row: its path, whether it must be there, and what its description says. The keys of a plan stand once. */
const rowsOf = (given: Schema, path: string): readonly (readonly string[])[] => {
  const at = resolved(given)
  const own = Object.entries(at.properties ?? {}).flatMap(([key, each]) => {
    const here = path === '' ? key : `${path}.${key}`
    const { description = '' } = { ...resolved(each), ...each }
    const row = [`\`${here}\``, at.required?.includes(key) === true ? 'yes' : '', description]
    const again = here.endsWith('NAME.plan') || here.endsWith('.recovery')
    return description === '' ? [] : [row, ...(again ? [] : rowsOf(each, here))]
  })
  const named = typeof at.additionalProperties === 'object' ? rowsOf(at.additionalProperties, `${path}.NAME`) : []
  const listed = at.items === undefined ? [] : rowsOf(at.items, `${path}[]`)
  return [...own, ...named, ...listed]
}

const resolved = ({ $ref, ...rest }: Schema): Schema =>
  $ref === undefined ? rest : { ...schema.$defs[$ref.replace('#/$defs/', '')], ...rest }

/** The README with its reference of sluice.yml made anew from the schema. */
export const withReference = (readme: string): string => {
  const rows = table(['Key', 'Required', 'Meaning'], rowsOf(schema, ''))
  return readme.replace(
    /<!-- sluice\.yml -->[\s\S]*<!-- \/sluice\.yml -->/,
    () => `<!-- sluice.yml -->\n${rows}\n<!-- /sluice.yml -->`,
  )
}

if (import.meta.main) writeFileSync(README, withReference(readFileSync(README, 'utf8')))
