import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { start, until } from './rig.ts'

const files = { 'a.txt': 'committed', 'sub/b.txt': 'b' }
const seen = (said: readonly string[]): readonly string[] => said.filter((line) => line.startsWith('> '))

describe.concurrent('a checkout', () => {
  test('is a clean copy of the commit on its branch, one commit deep, without what only lies about', async () => {
    const started = start(
      `steps:
  - uses: actions/checkout@v4
    id: it
    with: { sparse-checkout: x }
  - run: 'echo "> $(cat a.txt) $(echo *) $(git rev-parse HEAD) $(git branch --show-current) $(git status --short)"; touch later'
  - run: 'echo "> \${{ hashFiles(''**/*.txt'') }} \${{ hashFiles(''none'') }}|\${{ steps.it.outputs.ref }} \${{ steps.it.outputs.commit == github.sha }}"'`,
      { files },
    )
    const done = await started.done
    expect(seen(started.said)).toEqual([
      `> committed a.txt sub ${started.sha} main `,
      expect.stringMatching(/^> [0-9a-f]{64} \|refs\/heads\/main true$/),
    ])
    expect(done.annotations.map(({ text }) => text)).toEqual([
      "actions/checkout: this runner does not do 'sparse-checkout'",
    ])
  })

  test('honours path, ref and fetch-depth', async () => {
    const started = start(
      `steps:
  - { run: 'while [ ! -e ../../../go ]; do sleep 0.02; done' }
  - { uses: actions/checkout@v4, with: { path: old, ref: "\${{ github.sha }}" } }
  - { uses: actions/checkout@v4, with: { path: all, ref: feature, fetch-depth: 0 } }
  - { uses: actions/checkout@v4, with: { path: one, ref: v9 } }
  - { uses: actions/checkout@v4, with: { path: run, fetch-depth: 0 } }
  - { uses: actions/checkout@v4, with: { path: named, ref: main } }
  - run: 'for d in old all one run named; do echo "> $d $(git -C $d log --oneline | wc -l) $(cat $d/a.txt) [$(git -C $d branch --show-current)] $(git -C $d tag)"; done'
  - { uses: actions/checkout@v4, with: { ref: nowhere } }`,
      { files },
    )
    const git = (...words: readonly string[]) =>
      execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...words], {
        cwd: join(started.directory, '../repository'),
      })
    git('checkout', '--quiet', '-b', 'feature')
    execFileSync('sh', ['-c', 'echo second > a.txt'], { cwd: join(started.directory, '../repository') })
    git('commit', '--quiet', '-am', 'two')
    git('tag', 'v9')
    git('checkout', '--quiet', 'main')
    execFileSync('sh', ['-c', 'echo newer > a.txt'], { cwd: join(started.directory, '../repository') })
    git('commit', '--quiet', '-a', '--amend', '-m', 'instead')
    execFileSync('touch', [join(started.directory, 'go')])
    const done = await started.done
    expect(seen(started.said).map((line) => line.replace(/ +/g, ' '))).toEqual([
      '> old 1 committed [] ',
      '> all 2 second [feature] v9',
      '> one 1 second [] ',
      '> run 1 committed [main] v9',
      '> named 1 newer [main] ',
    ])
    expect(done.annotations.at(-1)?.text).toBe("A branch or tag with the name 'nowhere' could not be found")
    expect(done.conclusion).toBe('failure')
  })

  test('leaves its token in the clone until the end of the job, and only when it may', async () => {
    const started = start(
      `steps:
  - { uses: actions/checkout@v4, with: { path: kept } }
  - { uses: actions/checkout@v4, with: { path: bare, persist-credentials: false } }
  - run: 'for d in kept bare; do git -C $d config --get-regexp extraheader | sed "s/^/> /" || true; done; git -C kept config remote.origin.pushurl'`,
      { files },
    )
    await started.saw('github.com/octo/shop')
    await started.done
    expect(seen(started.said)).toEqual(['> http.https://github.com/.extraheader AUTHORIZATION: basic ***'])
    const config = join(started.directory, '_work/shop/shop/kept/.git/config')
    await until(() => existsSync(config))
    expect(readFileSync(config, 'utf8')).not.toContain('extraheader')
  })

  test('of a repository that is not on this machine fails', async () => {
    const done = await start('steps: [{ uses: actions/checkout@v4, with: { repository: a/b } }]', { files }).done
    expect(done.annotations[0]?.text).toBe('a/b is not on this machine: only octo/shop and octo/shop are')
  })
})
