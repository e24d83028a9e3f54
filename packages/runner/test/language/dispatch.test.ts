import { expect, test } from 'vitest'
import { dispatchInputs } from '../../src/language/dispatch.ts'
import { workflowOf } from './reading.ts'

const declared =
  workflowOf(`
on:
  workflow_dispatch:
    inputs:
      digest: { required: true }
      level: { type: choice, options: [low, high] }
      dry: { type: boolean }
      count: { type: number, default: 3 }
      note: { required: false }
jobs: { a: { runs-on: x, steps: [{ run: x }] } }`).dispatch?.inputs ?? {}

test('booleans are booleans in inputs and text in the event, everything else is text', () => {
  expect(dispatchInputs(declared, { digest: 'x', dry: 'true' })).toEqual({
    kind: 'inputs',
    inputs: { digest: 'x', level: 'low', dry: true, count: '3', note: '' },
    event: { digest: 'x', level: 'low', dry: 'true', count: '3', note: '' },
  })
})

test.each([
  [{}, "Required input 'digest' not provided"],
  [{ digest: 'x', constructor: 'y' }, 'Unexpected inputs provided: ["constructor"]'],
  [{ digest: 'x', level: 'other' }, "Provided value 'other' for input 'level' not in the list of allowed values"],
  [{ digest: 'x', dry: 'maybe' }, "Provided value 'maybe' for input 'dry' not in the list of allowed values"],
])('a dispatch with %j is refused as the API does', (given, text) => {
  expect(dispatchInputs(declared, given as Record<string, string>)).toEqual({ kind: 'wrong', text })
})
