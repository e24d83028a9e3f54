import { Fault } from '@sluice/kit/faults'
import { expect, test } from 'vitest'
import { resolve, trackOf } from '../src/template.ts'

const VALUES = { namespace: 'shop', deployment: 'cart-canary', track: 'canary', interval: '60' }
const resolved = (template: string) => resolve(template, VALUES, 'metric errors: total')

test.each([
  ['sum:requests{kube_deployment:{{deployment}}}', 'sum:requests{kube_deployment:cart-canary}'],
  ['{{ namespace }}/{{track}}', 'shop/canary'],
  ['rate(x{a="{{deployment}}"}[{{interval}}])', 'rate(x{a="cart-canary"}[60])'],
  ['{{{namespace}}}', '{shop}'],
  ['nothing {in} it', 'nothing {in} it'],
])('%s becomes %s', (template, text) => {
  expect(resolved(template)).toBe(text)
})

test.each([
  ['{{service}}', '{{service}} is no placeholder'],
  ['{{}}', '{{}} is no placeholder'],
  ['{{Namespace}}', '{{Namespace}} is no placeholder'],
  ['x{{namespace', 'a {{ is not closed'],
])('%s is an input fault that names the metric and what is known', (template, words) => {
  const thrown = faultOf(() => resolved(template))
  expect(thrown).toBeInstanceOf(Fault)
  expect(thrown).toMatchObject({ kind: 'input', hint: expect.stringContaining('{{deployment}}') })
  expect(thrown?.message).toContain(words)
  expect(thrown?.message).toContain('metric errors: total')
})

const faultOf = (act: () => unknown): Fault | undefined => {
  try {
    act()
    return undefined
  } catch (thrown) {
    return thrown instanceof Fault ? thrown : undefined
  }
}

test('the track of the baseline is stable', () => {
  expect([trackOf('baseline'), trackOf('canary')]).toEqual(['stable', 'canary'])
})
