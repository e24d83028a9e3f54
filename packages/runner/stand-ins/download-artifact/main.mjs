// A stand-in of this project for actions/download-artifact, for local runs only. What it keeps to: one artifact straight into the folder, also where
// a pattern takes only one (actions/download-artifact#419), several each into a folder of its name unless merged, an error for a name that is not
// there. Source: README of actions/download-artifact.
import { appendFileSync, cpSync, existsSync, mkdirSync, readdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, matchesGlob, resolve } from 'node:path'

const input = (name) => (process.env[`INPUT_${name.toUpperCase()}`] ?? '').trim()
const fail = (text) => {
  console.log(`::error::${text.replaceAll('%', '%25').replaceAll('\n', '%0A')}`)
  process.exit(1)
}

if (!process.env.SLUICE_ARTIFACTS)
  fail('SLUICE_ARTIFACTS is not set: this stand-in has no folder to take artifacts from')
const run = join(process.env.SLUICE_ARTIFACTS, input('run-id') || process.env.GITHUB_RUN_ID || '0')
const target = resolve(process.env.GITHUB_WORKSPACE ?? '.', input('path').replace(/^~/, homedir()))
const there = existsSync(run) ? readdirSync(run).filter((one) => !one.startsWith('.')) : []
const name = input('name')
if (name !== '' && !there.includes(name))
  fail(
    `Unable to download artifact(s): Artifact not found for name: ${name}\nPlease ensure that your artifact is not expired and the artifact was uploaded using a compatible version of toolkit/upload-artifact.`,
  )
const wanted = name === '' ? there.filter((one) => matchesGlob(one, input('pattern') || '*')) : [name]
mkdirSync(target, { recursive: true })
for (const one of wanted) {
  const to = wanted.length === 1 || input('merge-multiple') === 'true' ? target : join(target, one)
  cpSync(join(run, one), to, { recursive: true })
  console.log(`Artifact ${one} has been put into ${to}`)
}
console.log(`Total of ${wanted.length} artifact(s) downloaded`)
if (process.env.GITHUB_OUTPUT) appendFileSync(process.env.GITHUB_OUTPUT, `download-path=${target}\n`)
