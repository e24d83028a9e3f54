import { expect, test } from 'vitest'
import type { Progress } from '../src/build/progress.ts'
import { failed, passed } from '../src/outcome.ts'
import { summarize } from '../src/summary.ts'
import { digest, imageOf, PLAN } from './world.ts'

const progress: Progress = {
  steps: [
    { name: '[build 1/2] COPY . /src', cached: true, ms: 0, error: undefined, tail: [] },
    { name: '[build 2/2] RUN make `all`', cached: false, ms: 61_000, error: undefined, tail: [] },
    { name: '[final 1/1] COPY --from=build /x /x', cached: false, ms: 1200, error: undefined, tail: [] },
  ],
  stages: [
    { name: 'build', ms: 61_000, steps: 2, cached: 1 },
    { name: 'final', ms: 1200, steps: 1, cached: 0 },
  ],
  warnings: [],
  cacheProblems: [],
} as unknown as Progress

const seen = {
  times: [
    { what: 'build' as const, ms: 62_400 },
    { what: 'push' as const, ms: 3_210 },
  ],
  notes: ['latest stays where it is'],
  attempts: 3,
  progress,
}
const image = imageOf(digest('a'), 'one', ['linux/amd64', 'linux/arm64'])

test('says what was pushed, how large it is, how much came from the cache, and where the time went', () => {
  const tags = [
    { repository: 'example.com/shop', tag: '1.2.3', written: true },
    { repository: 'example.com/shop', tag: 'sha-1', written: false },
  ]
  const text = summarize(passed(seen, 'pushed', { text: 'it was built', image, tags }), PLAN)
  expect(text).toMatch(/^### ✅ build-push-image: pass \(pushed\)\n\nit was built\.\n/)
  expect(text).toContain(`| \`example.com/shop@${image.digest}\` | \`1.2.3\`, \`sha-1\` (was there) |`)
  expect(text).toContain(`| linux/arm64 | \`${image.platforms[1]?.digest}\` | 1 kB |`)
  expect(text).toContain('| building | 62 s |')
  expect(text).toContain('| pushing (3 tries) | 3.2 s |')
  expect(text).toContain('1 of 3 steps came from the cache.')
  expect(text).toContain('| `build` | 61 s | 1 of 2 |')
  expect(text).toContain("`[build 2/2] RUN make 'all'`")
  expect(text).toContain('- latest stays where it is')
})

test('a failure comes with its place, its last lines and what to do', () => {
  const failure = {
    file: 'Dockerfile',
    line: 7,
    command: 'RUN make',
    lastLines: ['one', '```', '<b>two</b>'],
    cause: 'RUN make ended with exit code 2',
    hint: 'Look at make',
  }
  const text = summarize(failed(seen, 'build-failed', [failure.cause], failure as never), PLAN)
  expect(text).toMatch(
    /^### ❌ build-push-image: fail \(build-failed\)\n\nRUN make ended with exit code 2\. Look at make\./,
  )
  expect(text).toContain('`Dockerfile:7`')
  expect(text).toContain('````text\nRUN make\none\n```\n<b>two</b>\n````')
})

test('nothing that others wrote starts markup', () => {
  const evil = '<img src=x> | `x` **b** \n# h'
  const result = { ...failed({ ...seen, notes: [evil] }, 'tag-taken', [evil, evil]), tags: [] }
  const text = summarize(result, PLAN)
  expect(text).not.toContain('<img')
  expect(text).not.toMatch(/^# h/m)
})
