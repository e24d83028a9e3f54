import { describe, expect, it, test } from 'vitest'
import { parseChecks } from '../src/ports/checks-file.ts'

const problemsOf = (text: string): readonly string[] => {
  const read = parseChecks(text, 'smoke.yml')
  return 'problems' in read ? read.problems : []
}

describe('a checks file', () => {
  it('is a list, and each check knows its line', () => {
    const read = parseChecks('- path: /health\n- name: ready\n  path: /ready\n  expect: { status: 2xx }\n', 'smoke.yml')
    expect(read).toMatchObject({
      checks: [
        { name: 'GET /health', method: 'GET', path: '/health', where: 'smoke.yml:1' },
        { name: 'ready', where: 'smoke.yml:2', expect: { status: [{ from: 200, to: 299 }] } },
      ],
    })
  })

  it('may be a map with the key checks, and JSON', () => {
    expect(parseChecks('{"checks": [{"path": "/", "expect": {"status": [200, "3xx"]}}]}', 'smoke.json')).toMatchObject({
      checks: [
        {
          expect: {
            status: [
              { from: 200, to: 200 },
              { from: 300, to: 399 },
            ],
          },
        },
      ],
    })
  })

  it('sends a body as POST unless a method is named', () => {
    expect(parseChecks('- path: /x\n  body: { a: 1 }\n', 'f')).toMatchObject({ checks: [{ method: 'POST' }] })
  })

  test.each([
    [
      'an unknown key, with the nearest one',
      '- path: /\n  expct: {}\n',
      ['smoke.yml:2:3: 0: unknown key "expct"; did you mean "expect"?'],
    ],
    ['a wrong type', '- path: /\n  expect:\n    max-ms: fast\n', ['smoke.yml:3:5: ', 'number']],
    ['broken YAML, with line and column', '- path: /\n  name: "a\n', ['smoke.yml:3:1: ']],
    ['a missing path', '- name: a\n', ['smoke.yml:1:', 'path: is required']],
    ['a path that is relative', '- path: health\n', ['smoke.yml:1:3: ', 'must start with /']],
    [
      'an impossible status',
      '- path: /\n  expect: { status: 999 }\n',
      ['smoke.yml:2:13: ', 'must be a status such as 200, 2xx, 200-299'],
    ],
    [
      'an unknown operator',
      '- path: /\n  expect:\n    json: [{ path: $.a, op: equals, value: 1 }]\n',
      ['smoke.yml:3:', 'unknown value "equals"'],
    ],
    ['an operator without a value', '- path: /\n  expect:\n    json: [{ path: $.a, op: eq }]\n', ['eq needs a value']],
    [
      'a JSON path that is not understood',
      '- path: /\n  expect:\n    json: [{ path: a.b, op: exists }]\n',
      ['did you mean "$.a.b"?'],
    ],
    ['a regular expression that is none', '- path: /\n  expect: { matches: "(" }\n', ['Invalid regular expression']],
    [
      'a schema that is none',
      '- path: /\n  expect: { json-schema: { type: text } }\n',
      ['smoke.yml:1:3: json-schema: '],
    ],
    [
      'a schema file that is not there',
      '- path: /\n  expect: { json-schema: none.json }\n',
      ['json-schema none.json: ENOENT'],
    ],
    [
      'a value that nothing captured',
      '- path: "/users/{{id}}"\n',
      ['smoke.yml:1:3: {{id}} is captured by no earlier check'],
    ],
    [
      'a comparison that says nothing of a list',
      '- path: /\n  expect:\n    json: [{ path: "$.a[*].b", op: ne, value: 5 }, { path: "$.a[*].b", op: type, value: array }]\n',
      ['ne after [*] takes a list', 'type says nothing of the list that a path with [*] gives'],
    ],
    [
      'a header that cannot be sent',
      '- path: /\n  headers: { X-Name: "a\\nb" }\n',
      ['smoke.yml:2:14: ', 'has characters that no header can hold'],
    ],
    ['two documents', '- path: /\n---\n- path: /b\n', ['smoke.yml:']],
    ['a key that is there twice', '- path: /\n  path: /b\n', ['smoke.yml:2:3: Map keys must be unique']],
    ['tabs', '- path: /\n\texpect: {}\n', ['smoke.yml:2:']],
    ['an empty file', ' \n', ['smoke.yml:1:1: is empty']],
  ])('names %s', (_what, text, parts) => {
    const all = problemsOf(text).join('\n')
    for (const part of parts) expect(all).toContain(part)
  })

  it('may have CRLF, a byte order mark, anchors and aliases', () => {
    const text = '\ufeff- path: /a\r\n  expect: &ok\r\n    status: 200\r\n- path: /b\r\n  expect: *ok\r\n'
    const expectation = { status: [{ from: 200, to: 200 }] }
    expect(parseChecks(text, 'f')).toMatchObject({ checks: [{ expect: expectation }, { expect: expectation }] })
  })

  it('bounds the patterns of a schema as well', () => {
    const read = parseChecks('- path: /\n  expect: { json-schema: { type: string, pattern: "^(a+)+$" } }\n', 'f')
    if ('problems' in read) throw new Error(read.problems.join())
    expect(read.checks[0]?.expect.jsonSchema?.('aaa')).toEqual([])
    expect(read.checks[0]?.expect.jsonSchema?.('b')).toEqual(['body must match pattern "^(a+)+$"'])
    expect(read.checks[0]?.expect.jsonSchema?.(`${'a'.repeat(60)}!`).join()).toContain('backtracks without end')
  })

  it('names everything at once', () => {
    expect(problemsOf('- pth: /\n- path: /\n  expect: { status: none, max-ms: 0 }\n')).toHaveLength(4)
  })

  it('lets a later check use what an earlier one captured', () => {
    const read = parseChecks('- path: /login\n  capture: { id: $.id }\n- path: "/users/{{id}}"\n', 'f')
    expect(read).toHaveProperty('checks')
  })
})
