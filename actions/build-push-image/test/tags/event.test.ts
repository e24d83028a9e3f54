import { describe, expect, it, test } from 'vitest'
import { readEvent } from '../../src/tags/event.ts'
import { faultOf, SHA } from './made.ts'

const HEAD = '1111111111111111111111111111111111111111'
const NOW = 1_700_000_000_000
const env = {
  GITHUB_EVENT_NAME: 'push',
  GITHUB_REF: 'refs/heads/main',
  GITHUB_SHA: SHA,
  GITHUB_REPOSITORY: 'corner-shop/till',
  GITHUB_SERVER_URL: 'https://git.corner.shop',
}
const repository = {
  name: 'till',
  full_name: 'corner-shop/till',
  html_url: 'https://git.corner.shop/corner-shop/till',
  description: 'Counts the coins',
  default_branch: 'main',
  license: { spdx_id: 'MIT' },
}
const pull = (over: object = {}): object => ({
  repository,
  pull_request: { number: 7, merged: false, head: { sha: HEAD, ref: 'my/branch' }, base: { ref: 'release' }, ...over },
})

describe('what a run is of', () => {
  it('a push, with the time of its commit', () => {
    const head_commit = { id: SHA, timestamp: '2020-01-10T01:30:00+01:00' }
    expect(readEvent(env, { repository, head_commit, base_ref: null }, NOW)).toEqual({
      name: 'push',
      ref: 'refs/heads/main',
      sha: SHA,
      baseRef: '',
      headRef: '',
      defaultBranch: 'main',
      repository: {
        name: 'till',
        fullName: 'corner-shop/till',
        url: 'https://git.corner.shop/corner-shop/till',
        description: 'Counts the coins',
        license: 'MIT',
      },
      committedAt: Date.parse('2020-01-10T00:30:00Z'),
      now: NOW,
    })
  })

  it('a pull request is named by its head, not by the trial merge', () => {
    const variables = { ...env, GITHUB_EVENT_NAME: 'pull_request', GITHUB_REF: 'refs/pull/7/merge' }
    expect(readEvent(variables, pull(), NOW)).toMatchObject({
      ref: 'refs/pull/7/merge',
      sha: HEAD,
      baseRef: 'release',
      headRef: 'my/branch',
      committedAt: undefined,
    })
  })

  it('pull_request_target comes with the ref of the base branch', () => {
    const variables = { ...env, GITHUB_EVENT_NAME: 'pull_request_target' }
    expect(readEvent(variables, pull(), NOW)).toMatchObject({ ref: 'refs/pull/7/merge', sha: HEAD })
  })

  it('a merged pull request is the commit on its base branch', () => {
    const variables = { ...env, GITHUB_EVENT_NAME: 'pull_request' }
    expect(readEvent(variables, pull({ merged: true }), NOW)).toMatchObject({
      ref: 'refs/heads/main',
      sha: SHA,
      baseRef: '',
      headRef: '',
    })
  })

  it('a tag may say where it was pushed from', () => {
    const variables = { ...env, GITHUB_REF: 'refs/tags/v1' }
    expect(readEvent(variables, { repository, base_ref: 'refs/heads/release' }, NOW).baseRef).toBe('release')
    expect(readEvent(env, { repository, base_ref: 'refs/heads/release' }, NOW).baseRef).toBe('')
  })

  it('the time is that of this very commit', () => {
    const timestamp = '2020-01-10T00:30:00Z'
    const other = { id: HEAD, timestamp: '2021-01-01T00:00:00Z' }
    expect(readEvent(env, { head_commit: other }, NOW).committedAt).toBeUndefined()
    expect(readEvent(env, { head_commit: other, commits: [other, { id: SHA, timestamp }] }, NOW).committedAt).toBe(
      Date.parse(timestamp),
    )
    expect(readEvent(env, { head_commit: { id: SHA, timestamp: 'yesterday' } }, NOW).committedAt).toBeUndefined()
  })

  it('what the payload leaves out comes from the variables', () => {
    expect(readEvent(env, {}, NOW)).toMatchObject({
      defaultBranch: '',
      repository: {
        name: 'till',
        fullName: 'corner-shop/till',
        url: 'https://git.corner.shop/corner-shop/till',
        description: '',
        license: '',
      },
    })
  })

  it("a licence that GitHub cannot tell is none; capitals in a commit's digits are none", () => {
    const given = { repository: { ...repository, license: { spdx_id: 'NOASSERTION' } } }
    const event = readEvent({ ...env, GITHUB_SHA: SHA.toUpperCase() }, given, NOW)
    expect(event.repository.license).toBe('')
    expect(event.sha).toBe(SHA)
  })

  test.each<[string, unknown]>([
    ['null', null],
    ['a text', 'x'],
    ['a list', [1]],
    ['of other shapes', { repository: 'x', commits: { a: 1 }, head_commit: 3, base_ref: {}, pull_request: [] }],
    ['with keys of prototypes', JSON.parse('{"__proto__": {"repository": {"name": "x"}}, "commits": [null, 1]}')],
  ])('a payload that is %s says nothing', (_, payload) => {
    expect(readEvent(env, payload, NOW)).toMatchObject({ sha: SHA, defaultBranch: '', repository: { name: 'till' } })
  })

  test.each<[string, object, unknown, string]>([
    ['no SHA', { GITHUB_SHA: undefined }, {}, 'There is no commit to name: GITHUB_SHA is ""'],
    ['a short SHA', { GITHUB_SHA: '860c190' }, {}, 'GITHUB_SHA is "860c190"'],
    ['a name', { GITHUB_SHA: 'main' }, {}, 'GITHUB_SHA is "main"'],
    ['a pull request without a head', { GITHUB_EVENT_NAME: 'pull_request' }, {}, 'pull_request.head.sha is ""'],
    [
      'a head that is no commit',
      { GITHUB_EVENT_NAME: 'pull_request' },
      pull({ head: { sha: '$(id)' } }),
      'pull_request.head.sha is "$(id)"',
    ],
  ])('%s is refused', (_, over, payload, expected) => {
    expect(faultOf(() => readEvent({ ...env, ...over }, payload, NOW))).toContain(expected)
  })
})
