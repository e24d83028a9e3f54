import { execFile } from 'node:child_process'
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve, sep } from 'node:path'
import { promisify } from 'node:util'
import { githubOf } from './frame.ts'
import { stopped } from './launch.ts'
import { setOutput } from './listen.ts'
import type { UsesStep } from './run-action.ts'
import type { Status, StepRun } from './state.ts'

const DONE = ['repository', 'ref', 'token', 'path', 'fetch-depth', 'persist-credentials']
/** What changes nothing where there is no network and every file comes along anyway. */
const NEEDLESS = ['show-progress', 'set-safe-directory', 'fetch-tags', 'github-server-url']

/**
 * Does what `actions/checkout` does, from the repository on this machine: a clone of its own with the commit checked out, `path`, `ref`, `fetch-depth` and `persist-credentials` honoured.
 * Its other inputs are warned of. Later fetches read from the same repository; pushes go to where GitHub has it, never into it.
 * Source: README and `src/git-source-provider.ts` of actions/checkout.
 */
export const runCheckout = async (
  run: StepRun,
  step: UsesStep,
  given: Readonly<Record<string, string>>,
): Promise<Status> => {
  const { job, log } = run
  const inputs = Object.fromEntries(Object.entries(given).map(([name, value]) => [name.toLowerCase(), value]))
  const { checkout, home } = job.request
  const folder = resolve(job.machine.workspace, inputs.path ?? '.')
  for (const [name, value] of Object.entries(inputs))
    if (!DONE.includes(name) && !NEEDLESS.includes(name) && !(name === 'clean' && value === 'true'))
      log.warning(`actions/checkout: this runner does not do '${name}'`)
  if (folder !== job.machine.workspace && !folder.startsWith(job.machine.workspace + sep))
    return fail(run, `Repository path '${folder}' is not under '${job.machine.workspace}'`)
  const repository = inputs.repository || checkout.repository
  const from = [checkout, home].find((one) => one.repository.toLowerCase() === repository.toLowerCase())
  if (from === undefined)
    return fail(run, `${repository} is not on this machine: only ${checkout.repository} and ${home.repository} are`)
  const wanted = await commitOf(from.folder, inputs.ref ?? '', { ...checkout, ...from })
  if (wanted === undefined) return fail(run, `A branch or tag with the name '${inputs.ref}' could not be found`)
  log.write(`Syncing repository: ${repository}`)
  registerPost(run, step, folder)
  empty(folder)
  const depth = inputs['fetch-depth'] === undefined || inputs['fetch-depth'] === '' ? 1 : Number(inputs['fetch-depth'])
  await fetchInto(folder, resolve(from.folder), wanted, depth)
  const server = String(githubOf(job, run.frame, {}).server_url || 'https://github.com')
  await git(folder, ['remote', 'set-url', '--push', 'origin', `${server}/${repository}`])
  if (inputs['persist-credentials'] !== 'false') remember(run, folder, server, inputs.token)
  log.write(wanted.sha)
  setOutput(run, 'commit', wanted.sha)
  setOutput(run, 'ref', wanted.ref)
  return stopped(run) ?? 'success'
}

type Wanted = { readonly sha: string; readonly ref: string }

const git = async (folder: string, words: readonly string[]): Promise<string> => {
  const env = {
    PATH: process.env.PATH ?? '',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
  }
  // Git refuses repositories of another user, which a mounted folder may seem to be.
  const safe = ['-c', 'safe.directory=*', '-c', 'advice.detachedHead=false', '-c', 'protocol.file.allow=always']
  const { stdout } = await promisify(execFile)('git', [...safe, '-C', folder, ...words], {
    env,
    maxBuffer: 64 * 1024 * 1024,
  })
  return stdout.trim()
}

const commitOf = async (
  folder: string,
  ref: string,
  run: { readonly sha: string; readonly ref: string },
): Promise<Wanted | undefined> => {
  // A ref that is given by name is where it is now, though it is the run's own.
  if (ref === '' || ref === run.sha) return { sha: run.sha, ref: ref === run.sha ? '' : run.ref }
  const full = ref.startsWith('refs/') ? [ref] : [`refs/heads/${ref}`, `refs/remotes/origin/${ref}`, `refs/tags/${ref}`]
  for (const name of /^[0-9a-f]{40}$/.test(ref) ? [ref] : full) {
    const sha = await git(folder, ['rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`]).catch(
      () => '',
    )
    if (sha !== '')
      return {
        sha,
        ref: name === ref && !ref.startsWith('refs/') ? '' : name.replace('refs/remotes/origin/', 'refs/heads/'),
      }
  }
  return undefined
}

const fetchInto = async (folder: string, from: string, { sha, ref }: Wanted, depth: number): Promise<void> => {
  await git(folder, ['init', '--quiet', '--initial-branch=main'])
  await git(folder, ['remote', 'add', 'origin', from])
  const branch = ref.startsWith('refs/heads/') ? ref.slice('refs/heads/'.length) : ''
  const target = branch === '' ? 'refs/sluice/checkout' : `refs/remotes/origin/${branch}`
  const serve = '--upload-pack=git -c safe.directory=* -c uploadpack.allowAnySHA1InWant=true upload-pack'
  const fetch = (...words: readonly string[]) => git(folder, ['fetch', '--quiet', '--update-head-ok', serve, ...words])
  // A depth counts only over a transport, not where files are copied.
  const url = `file://${from}`
  if (depth > 0) await fetch('--no-tags', `--depth=${depth}`, url, `+${sha}:${target}`)
  else {
    await fetch('--tags', url, '+refs/heads/*:refs/remotes/origin/*')
    await fetch('--no-tags', url, `+${sha}:${target}`)
  }
  if (branch === '') await git(folder, ['checkout', '--quiet', '--force', '--detach', sha])
  else await git(folder, ['checkout', '--quiet', '--force', '-B', branch, target])
}

const empty = (folder: string): void => {
  mkdirSync(folder, { recursive: true })
  for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true, force: true })
}

const HEADER = /\n?\[http "[^"]*"\]\n\textraheader = AUTHORIZATION: basic .*\n/g

/** Leaves the token in the clone's configuration for later steps, until the post phase. */
const remember = (run: StepRun, folder: string, server: string, given: string | undefined): void => {
  const token = given || String(githubOf(run.job, run.frame, {}).token ?? '')
  if (token === '') return
  const basic = Buffer.from(`x-access-token:${token}`).toString('base64')
  run.job.masks.add(basic)
  appendFileSync(join(folder, '.git/config'), `[http "${server}/"]\n\textraheader = AUTHORIZATION: basic ${basic}\n`)
}

const registerPost = ({ key, title, frame }: StepRun, step: UsesStep, folder: string): void => {
  frame.posts.push({
    id: key.split('/').at(-1) ?? '',
    name: `Post ${title}`,
    phase: 'post',
    step,
    condition: 'always()',
    act: async (post) => {
      post.log.write('Post job cleanup.')
      return forget(folder)
    },
  })
}

const forget = (folder: string): Status => {
  const file = join(folder, '.git/config')
  if (existsSync(file)) writeFileSync(file, readFileSync(file, 'utf8').replace(HEADER, '\n'))
  return 'success'
}

const fail = (run: StepRun, text: string): Status => {
  run.log.error(text)
  return 'failure'
}
