// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are parts of workflow files
import { expect, test } from 'vitest'
import { evaluate, evaluateCondition, evaluateText } from '../../src/language/evaluate.ts'
import type { Json } from '../../src/template.ts'
import { expression, scopeOf, workflowOf } from './reading.ts'

const contexts = {
  github: { ref: 'refs/heads/main', Event: { Number: 7 }, constructor: 'c', list: [{ n: 1 }, { n: 2 }, 3] },
  env: { A: 'upper', a: 'lower' },
  inputs: { flag: true, none: null },
}
const give = (source: string): Json => evaluate(expression(source), scopeOf(contexts))

test.each<[string, Json]>([
  ['github.REF', 'refs/heads/main'],
  ["github.event['number']", 7],
  ['github.constructor', 'c'],
  ['github.nothing.at.all', null],
  ['needs.build.outputs.x', null],
  ['github.list.*.n', [1, 2]],
  ['github.list[1].n', 2],
  ['inputs.flag && 1 || 2', 1],
  ["'' || 'other'", 'other'],
  ['0 == false', true],
  ["'Main' == 'mAIN'", true],
  ["'1' == 1", true],
  ["'x' == 1", false],
  ["null == ''", true],
  ["'b' > 'A'", true],
  ['!inputs.none', true],
])('%s is %j: names and texts without regard to case, what is missing is null', (source, value) => {
  expect(give(source)).toEqual(value)
})

test('the env context tells cases apart, as on Linux', () => {
  expect([give('env.A'), give('env.a')]).toEqual(['upper', 'lower'])
})

test.each<[string, Json]>([
  ["contains('Hello', 'ELL')", true],
  ["contains(fromJSON('[1, \"Two\"]'), 'two')", true],
  ["startsWith('Hello', 'he')", true],
  ["endsWith('Hello', 'LO')", true],
  ["format('{0} {{1}} {1}', 'a', true)", 'a {1} true'],
  ["join(fromJSON('[1, true, null, \"x\"]'), '-')", '1-true--x'],
  ["join('one')", 'one'],
  ['toJSON(fromJSON(\'{"a":[1]}\'))', '{\n  "a": [\n    1\n  ]\n}'],
  ["fromJSON('1.50')", 1.5],
  ["case(false, 'a', true, 'b', 'c')", 'b'],
  ["format('''{0}'' and ''{1}''', 1, 'it''s')", "'1' and 'it's'"],
])('the function in %s gives %j', (source, value) => {
  expect(give(source)).toEqual(value)
})

test('hashFiles asks for the files of its patterns', () => {
  const scope = { ...scopeOf(), hashFiles: (patterns: readonly string[]) => patterns.join('+') }
  expect(evaluate(expression("hashFiles('**/a.lock', 'b')"), scope)).toBe('**/a.lock+b')
})

test.each<[string, string]>([
  ['true', 'true'],
  ['1.50', '1.5'],
  ['-0', '0'],
  ['null', ''],
  ['github.nothing', ''],
  ["format('{0}', github)", 'Object'],
  ["format('{0}', github.list)", 'Array'],
])('%s as text is "%s"', (source, text) => {
  expect(evaluateText(expression(source), scopeOf(contexts))).toBe(text)
})

test('a mapping where text is wanted is an error with file, line and expression', () => {
  expect(() => evaluateText(expression('github.event'), scopeOf(contexts))).toThrow(
    'w.yml:3: A mapping was not expected (${{ github.event }})',
  )
})

test('what cannot be evaluated names file, line and expression', () => {
  expect(() => give("fromJSON('{')")).toThrow(/^w\.yml:3: \$\{\{ fromJSON\('\{'\) \}\}: /)
})

test('text with several expressions is put together, insert adds the entries of a mapping', () => {
  const { jobs } = workflowOf(
    `on: push
jobs:
  a:
    runs-on: x
    env:
      \${{ insert }}: \${{ fromJSON('{"B":"b"}') }}
      A: "\${{ github.ref }} {} \${{ 1 }}"
    steps: [{ run: x }]`,
  )
  const [job] = jobs
  const env = job?.kind === 'job' && job.env ? evaluate(job.env, scopeOf(contexts)) : null
  expect(env).toEqual({ A: 'refs/heads/main {} 1', B: 'b' })
})

const succeeded = { success: true, failure: false, cancelled: false }
const failed = { success: false, failure: true, cancelled: false }
const cancelled = { success: false, failure: false, cancelled: true }

test.each([
  ['', succeeded, true],
  ['', failed, false],
  ['true', failed, false],
  ["'always()' == 'x' || true", failed, false],
  ['github.always || true', failed, false],
  ['always()', cancelled, true],
  ['ALWAYS()', failed, true],
  ['!cancelled()', failed, true],
  ['!cancelled()', cancelled, false],
  ["failure() && github.ref == 'refs/heads/main'", failed, true],
  ["contains(toJSON(github), 'x') && failure()", succeeded, false],
  ["format('{0}', success()) == 'false'", failed, true],
  ["'false'", succeeded, true],
  ['inputs.none', succeeded, false],
])('if: %s after %o is %s: without a status function it is success() first', (source, status, holds) => {
  expect(evaluateCondition(source, scopeOf(contexts, status))).toBe(holds)
})
