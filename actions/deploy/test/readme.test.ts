import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { schema } from '../src/inputs.ts'

const read = (name: string): string => readFileSync(join(import.meta.dirname, '..', name), 'utf8')
const action = parse(read('action.yml'))
const blocks = [...read('README.md').matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text = '']) => text)

type Step = { readonly uses?: string; readonly with?: Readonly<Record<string, string>> }
const steps = blocks
  .filter((text) => text.startsWith('jobs:'))
  .flatMap((text) => Object.values(parse(text).jobs as Record<string, { steps: readonly Step[] }>))
  .flatMap((job) => job.steps.filter(({ uses }) => uses?.startsWith('OWNER/')))

describe('the README', () => {
  it('has examples that use this action with inputs that it declares', () => {
    expect(steps).toHaveLength(2)
    for (const { uses, with: given = {} } of steps) {
      expect(uses).toBe('OWNER/sluice/actions/deploy@v1')
      for (const [name, value] of Object.entries(given)) {
        expect(Object.keys(action.inputs)).toContain(name)
        expect(value).toBeTypeOf('string')
      }
    }
  })

  it('has examples whose values the action reads', () => {
    for (const { with: given = {} } of steps) {
      const texts = Object.fromEntries(
        Object.entries(action.inputs as Record<string, { default: string }>).map(([name, { default: value }]) => [
          name,
          given[name] ?? value,
        ]),
      )
      expect(schema.safeParse(texts).error?.issues).toBeUndefined()
    }
  })
})

it("the schema's keys are action.yml's", () => {
  expect(Object.keys(schema.shape).sort()).toEqual(Object.keys(action.inputs).sort())
})
