import { describe, expect, it, test } from 'vitest'
import { parseJsonPath, select } from '../src/json-path.ts'

const body = {
  user: { 'first name': 'Ada', roles: ['admin', 'dev'] },
  items: [{ id: 1 }, { id: 2 }, {}],
  'a/b': 1,
  '': 0,
}

const at = (path: string) => {
  const steps = parseJsonPath(path)
  if (typeof steps === 'string') throw new Error(steps)
  return select(body, steps)
}

describe('a path into a JSON body', () => {
  test.each([
    ['$', body],
    ['', body],
    ['$.user.roles[0]', 'admin'],
    ['$.user.roles[-1]', 'dev'],
    ["$.user['first name']", 'Ada'],
    ['$["user"].roles', ['admin', 'dev']],
    ['$.items[*].id', [1, 2]],
    ['$.user.*', ['Ada', ['admin', 'dev']]],
    ['/user/roles/1', 'dev'],
    ['/a~1b', 1],
    ['/', 0],
  ])('%s is found', (path, value) => {
    expect(at(path)).toEqual({ kind: 'found', value })
  })

  test.each(['$.none', '$.user.roles[2]', '$.user[0]', '/items/9', '/items/-1', '$.user.roles.length', '$.toString'])(
    '%s is absent',
    (path) => {
      expect(at(path)).toEqual({ kind: 'absent' })
    },
  )

  test.each(['$..id', '$.items[?(@.id)]', '$.items[0:2]', '$.a.', '$['])('%s is refused, saying where', (path) => {
    expect(parseJsonPath(path)).toContain('is not understood at')
  })

  it('with a star tells an empty list from one that is not there', () => {
    expect(at('$.items[*].none')).toEqual({ kind: 'found', value: [], nothing: true })
    expect(at('$.none[*].id')).toEqual({ kind: 'absent' })
    expect(at('$.user.roles[0][*]')).toEqual({ kind: 'absent' })
  })

  it('says what was probably meant by a bare name', () => {
    expect(parseJsonPath('status')).toContain('did you mean "$.status"?')
  })
})
