// A stand-in of this project for actions/upload-artifact, for local runs only. What it keeps to: names, patterns and what they are relative to,
// hidden files, empty results, one artifact of a name in a run. Source: README and src/shared/search.ts of actions/upload-artifact.
import { createHash, randomUUID } from 'node:crypto'
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { pathToFileURL } from 'node:url'

const input = (name) => (process.env[`INPUT_${name.toUpperCase()}`] ?? '').trim()
const fail = (text) => {
  console.log(`::error::${text.replaceAll('%', '%25').replaceAll('\n', '%0A')}`)
  process.exit(1)
}
const stat = (path) => statSync(path, { throwIfNoEntry: false })

const name = input('name')
const lines = input('path')
  .split('\n')
  .map((line) => line.trim())
  .filter((line) => line !== '')
if (!process.env.SLUICE_ARTIFACTS) fail('SLUICE_ARTIFACTS is not set: this stand-in has no folder to put artifacts in')
if (lines.length === 0) fail('Input required and not supplied: path')
if (name === '' || /["<>|*?:\r\n\\/]/.test(name) || name === '.' || name === '..')
  fail(`The artifact name is not valid: ${name}`)

const within = (path) => {
  const found = stat(path)
  if (found === undefined) return []
  if (!found.isDirectory()) return [path]
  return readdirSync(path, { recursive: true })
    .map((one) => join(path, one))
    .filter((one) => stat(one)?.isFile())
}
const matches = (pattern) =>
  (/[*?[]/.test(pattern) ? globSync(pattern, { cwd: process.cwd() }) : [pattern]).flatMap((path) =>
    within(resolve(path)),
  )
const searched = (pattern) => {
  const parts = resolve(pattern).split(sep)
  const at = parts.findIndex((part) => /[*?[]/.test(part))
  return at < 0 ? resolve(pattern) : parts.slice(0, at).join(sep) || sep
}
const common = (paths) =>
  paths
    .map((path) => path.split(sep))
    .reduce((one, other) => one.slice(0, one.findIndex((part, at) => part !== other[at]) >>> 0))
    .join(sep) || sep

const taken = new Set()
for (const line of lines)
  for (const file of matches(line.replace(/^!/, ''))) line.startsWith('!') ? taken.delete(file) : taken.add(file)
const paths = lines.filter((line) => !line.startsWith('!')).map(searched)
const [first = process.cwd()] = paths
const root = paths.length > 1 ? common(paths) : stat(first)?.isFile() ? dirname(first) : first
const hidden = (file) =>
  relative(root, file)
    .split(sep)
    .some((part) => part.startsWith('.') && part !== '..')
const files = [...taken].filter((file) => input('include-hidden-files') === 'true' || !hidden(file)).sort()

if (files.length === 0) {
  const text = `No files were found with the provided path: ${lines.join('\n')}. No artifacts will be uploaded.`
  if (input('if-no-files-found') === 'error') fail(text)
  if (input('if-no-files-found') !== 'ignore') console.log(`::warning::${text.replaceAll('\n', '%0A')}`)
  process.exit(0)
}

const run = join(process.env.SLUICE_ARTIFACTS, process.env.GITHUB_RUN_ID ?? '0')
const [target, scratch] = [join(run, name), join(run, `.${randomUUID()}`)]
const conflict = () =>
  fail(
    'Failed to CreateArtifact: Received non-retryable error: Failed request: (409) Conflict: an artifact with this name already exists on the workflow run',
  )
if (existsSync(target) && input('overwrite') !== 'true') conflict()
const digest = createHash('sha256')
for (const file of files) {
  const to = join(scratch, relative(root, file))
  mkdirSync(dirname(to), { recursive: true })
  copyFileSync(file, to)
  // An archive of GitHub's keeps no permissions either.
  chmodSync(to, 0o644)
  digest.update(`${relative(root, file)}\0`).update(readFileSync(file))
}
if (input('overwrite') === 'true') rmSync(target, { recursive: true, force: true })
try {
  renameSync(scratch, target)
} catch {
  // Somebody else was first.
  rmSync(scratch, { recursive: true, force: true })
  conflict()
}
const id = Number.parseInt(
  createHash('sha256').update(`${process.env.GITHUB_RUN_ID}/${name}`).digest('hex').slice(0, 8),
  16,
)
console.log(`Artifact ${name} has been put into ${target}: ${files.length} file(s), ID ${id}`)
if (process.env.GITHUB_OUTPUT)
  appendFileSync(
    process.env.GITHUB_OUTPUT,
    `artifact-id=${id}\nartifact-url=${pathToFileURL(target)}\nartifact-digest=${digest.digest('hex')}\n`,
  )
