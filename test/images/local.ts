import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { publishedFromSource, thirdParties } from '../../packages/cli/src/rehearsal/github.ts'
import type { PlatformOptions } from '../../packages/runner/src/github.ts'
import { createPlatform } from '../../packages/runner/src/platform/platform.ts'
import type { JobTrace, RunTrace } from '../../packages/runner/src/trace.ts'
import type { Ground } from './ground.ts'

/** A repository on a local GitHub, whose pushes run package.yml from its source. */
export type Local = {
  commit(files: Readonly<Record<string, string>>): void
  /** Pushes what was committed last, again where nothing was since. */
  push(): Promise<RunTrace>
  close(): Promise<void>
}

const ROOT = join(import.meta.dirname, '../..')
const CALLER = `name: Package
on: { push: { branches: [main] } }
permissions: {}
jobs:
  package:
    permissions: { contents: read, packages: write, id-token: write, attestations: write }
    uses: acme/sluice/.github/workflows/package.yml@v1
`

/** @param files what the repository begins with; `busybox` and the caller of package.yml are in it by themselves */
export const openLocal = async (
  ground: Ground,
  files: Readonly<Record<string, string>>,
  { machines, standIns = {} }: Pick<PlatformOptions, 'machines' | 'standIns'> = {},
): Promise<Local> => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-package-'))
  const folder = join(directory, 'repository')
  const git = (...words: readonly string[]): void =>
    void execFileSync('git', ['-c', 'user.name=Test', '-c', 'user.email=test@example.com', ...words], { cwd: folder })
  const commit: Local['commit'] = (changed) => {
    for (const [path, text] of Object.entries(changed)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), text)
    }
    git('add', '-A')
    git('commit', '-q', '-m', 'A release')
  }
  execFileSync('cp', ['-a', ground.context({ ...files, '.github/workflows/package.yml': CALLER }), folder])
  git('init', '-q', '-b', 'main')
  commit({})
  const places = join(directory, 'machines')
  mkdirSync(places)
  const platform = await createPlatform({
    repository: { name: 'acme/shop', folder, defaultBranch: 'main' },
    published: { 'acme/sluice': publishedFromSource(ROOT, join(directory, 'published')) },
    actions: thirdParties(ROOT, directory),
    standIns,
    env: { ...ground.env, LANG: 'C.UTF-8', SLUICE_ARTIFACTS: join(directory, 'artifacts') },
    ...(machines === undefined ? {} : { machines }),
    directory: places,
  })
  return {
    commit,
    push: async () => {
      const [run] = platform.push({ branch: 'main' })
      if (run === undefined) throw new Error('no run was started')
      return run.done
    },
    close: async () => {
      await platform.close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** What package.yml says, of the job that says it for the whole workflow. */
export const saidBy = (trace: RunTrace): JobTrace['outputs'] =>
  trace.jobs.find(({ ids, kind }) => kind === 'job' && ids.join('/') === 'package/package')?.outputs ?? {}
