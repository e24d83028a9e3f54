import { expect, test } from 'vitest'
import { evaluate } from '../../src/language/evaluate.ts'
import { parseWorkflowFile } from '../../src/language/parse.ts'
import { x } from './local.ts'

const scope = {
  contexts: { github: { ref: 'r' } },
  status: { success: true, failure: false, cancelled: false },
}

test.each([
  { name: 'folded: one expression is its value, not text round it', block: ['>-', '$X'], is: 'r' },
  { name: 'folded: an expression over two lines is one', block: ['>-', '${{ github.ref ||', "'other' }}"], is: 'r' },
  { name: 'literal: without the indentation of the file', block: ['|', 'A=$X', 'B=$X'], is: 'A=r\nB=r\n' },
])('the value of a block with expressions is what YAML says: $name', ({ block, is }) => {
  const [header, ...lines] = block.map((line) => line.replaceAll('$X', x('github.ref')))
  const text = `on: push
jobs:
  a:
    runs-on: x
    env:
      V: ${header}
${lines.map((line) => `        ${line}`).join('\n')}
    steps: [{ run: x }]
`
  const file = parseWorkflowFile(text, 'a.yml')
  if (file.kind === 'wrong') throw new Error(JSON.stringify(file.problems))
  const [job] = file.workflow.jobs
  const env = job?.kind === 'job' ? job.env : undefined
  expect(env && evaluate(env, scope)).toEqual({ V: is })
})
