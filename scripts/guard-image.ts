import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { parse } from 'yaml'
import { filesIn } from './build/bundle.ts'
import { type ImageFile, type ImageSpec, nodeFiles, pushImage, pushIndex } from './image.ts'

const ROOT = join(import.meta.dirname, '..')
const ACTION = 'actions/canary-promote'

/**
 * The image of the guard: this Node with the libraries it is linked against, and the bundle of canary-promote with the defaults of its inputs as
 * environment; what a release asks for comes from its CronJob. No shell, nobody's user, nothing that writes.
 * Decision record: docs/decisions/0013-guard.md.
 * @param bundle the folder of the bundle; the committed one by default
 * @throws Error for a folder without a bundle
 */
export const guardImage = (bundle = join(ROOT, ACTION, 'dist')): ImageSpec => {
  if (!existsSync(join(bundle, 'index.js'))) throw new Error(`${bundle} holds no bundle. Build it: npm run build`)
  const { version, repository } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  const code = [...filesIn(bundle)]
    .filter(([path]) => !path.startsWith('.'))
    .map(([path, bytes]) => ({ from: bytes, to: `/sluice/${path}` }))
  return {
    layers: [[...nodeFiles(), ...notices()], code],
    entrypoint: ['/usr/local/bin/node', '/sluice/index.js'],
    env: defaults(),
    user: '65534:65534',
    workingDir: '/sluice',
    labels: {
      'org.opencontainers.image.title': 'sluice guard',
      'org.opencontainers.image.version': version,
      'org.opencontainers.image.licenses': 'Apache-2.0',
      ...(typeof repository === 'string' ? { 'org.opencontainers.image.source': repository } : {}),
    },
  }
}

/** A bundle that runs bare reads every input from its environment. */
const defaults = (): Readonly<Record<string, string>> => {
  const { inputs } = parse(readFileSync(join(ROOT, ACTION, 'action.yml'), 'utf8')) as {
    readonly inputs: Readonly<Record<string, { readonly default?: string }>>
  }
  return Object.fromEntries(
    Object.entries(inputs).map(([name, { default: value }]) => [`INPUT_${name.toUpperCase()}`, value ?? '']),
  )
}

/** What the licences of the libraries beside Node ask to be passed on with them, where the machine keeps it as Debian does. */
const notices = (): readonly ImageFile[] =>
  ['libc6', 'libstdc++6', 'libgcc-s1']
    .map((name) => `/usr/share/doc/${name}/copyright`)
    .filter((path) => existsSync(path))
    .map((path) => ({ from: path, to: path }))

const USAGE = `usage: node scripts/guard-image.ts push  --registry URL --repository NAME [--username NAME] [--tag TAG]...
       node scripts/guard-image.ts index --registry URL --repository NAME [--username NAME] [--tag TAG]... ARCHITECTURE=DIGEST...

With --username the password is read from stdin. Prints the digest, alone on stdout; with --output NAME it is that output of the workflow's step too.`

const main = async (args: readonly string[]): Promise<void> => {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      registry: { type: 'string' },
      repository: { type: 'string' },
      username: { type: 'string' },
      output: { type: 'string' },
      tag: { type: 'string', multiple: true, default: [] },
    },
  })
  const [order, ...platforms] = positionals
  const { registry, username, tag: tags } = values
  // GitHub's owners may have capitals, a registry's repositories may not.
  const repository = values.repository?.toLowerCase()
  if (registry === undefined || repository === undefined || (order !== 'push' && order !== 'index'))
    throw new Error(USAGE)
  const credentials =
    username === undefined ? {} : { credentials: { username, password: readFileSync(0, 'utf8').trim() } }
  const say = (line: string): void => void process.stderr.write(`${line}\n`)
  const pushed =
    order === 'push'
      ? await pushImage(registry, repository, guardImage(), { tags, say, ...credentials })
      : await pushIndex(registry, repository, platforms.map(platform), { tags, ...credentials })
  process.stdout.write(`${pushed.digest}\n`)
  const outputs = process.env.GITHUB_OUTPUT
  if (values.output !== undefined && outputs) appendFileSync(outputs, `${values.output}=${pushed.digest}\n`)
}

const platform = (text: string): { readonly architecture: string; readonly digest: string } => {
  const [, architecture = '', digest = ''] = /^([a-z0-9]+)=(sha256:[0-9a-f]{64})$/.exec(text) ?? []
  if (digest === '') throw new Error(`${text} is no ARCHITECTURE=DIGEST, as in amd64=sha256:…`)
  return { architecture, digest }
}

if (import.meta.main) {
  await main(process.argv.slice(2)).catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 1
  })
}
