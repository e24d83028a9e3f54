import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** What the fake does for one command, such as `buildx build`. */
export type Play = {
  readonly stdout?: string
  readonly stderr?: string
  /** Written to stderr so often. */
  readonly times?: number
  readonly code?: number
  /** What it writes to the file of metadata. */
  readonly metadata?: string
  /** Starts a process that would go on for a minute, and does so itself; the pid of the former is recorded. */
  readonly hangs?: boolean
}

/** One call as the fake saw it. */
export type Seen = {
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** All that there was to read. */
  readonly stdin: string
  readonly child?: number
}

/** A folder for PATH with a `docker` that records how it was called, and plays what it is told. */
export type FakeDocker = {
  readonly path: string
  play(plays: Readonly<Record<string, Play>>): void
  seen(): readonly Seen[]
}

const SCRIPT = `#!${process.execPath}
const { appendFileSync, readFileSync, writeFileSync } = require('node:fs')
const { spawn } = require('node:child_process')
const { join } = require('node:path')
const argv = process.argv.slice(2)
const plays = JSON.parse(readFileSync(join(__dirname, 'plays.json'), 'utf8'))
const key = Object.keys(plays).find((key) => argv.join(' ').startsWith(key))
const play = plays[key] ?? { stderr: 'the fake has no part for: ' + argv.join(' ') + '\\n', code: 99 }
let stdin = ''
try { stdin = readFileSync(0, 'utf8') } catch {}
const child = play.hangs ? spawn('sleep', ['60'], { stdio: 'ignore' }).pid : undefined
appendFileSync(join(__dirname, 'seen.jsonl'), JSON.stringify({ argv, env: { ...process.env }, stdin, child }) + '\\n')
const file = argv[argv.indexOf('--metadata-file') + 1]
if (play.metadata !== undefined) writeFileSync(file, play.metadata)
process.stdout.write(play.stdout ?? '')
for (let time = 0; time < (play.times ?? 1); time++) process.stderr.write(play.stderr ?? '')
process.exitCode = play.code ?? 0
if (play.hangs) setTimeout(() => {}, 60000)
`

/** What a machine with buildx 0.29 and a builder says of itself. */
export const WELL: Readonly<Record<string, Play>> = {
  '--version': { stdout: 'Docker version 28.0.4, build b8034c0\n' },
  'buildx version': { stdout: 'github.com/docker/buildx v0.29.0 9cff9c2\n' },
  'buildx inspect': {
    stdout:
      'Name:          b\nDriver:        docker-container\n\nNodes:\nName:             b0\nStatus:           running\nBuildKit version: v0.25.0\nPlatforms:        linux/amd64\n',
  },
  'buildx build': {},
}

/** Makes one in a folder of the test. */
export const fakeDocker = (folder: string): FakeDocker => {
  const path = join(folder, 'bin')
  mkdirSync(path, { recursive: true })
  writeFileSync(join(path, 'docker'), SCRIPT)
  chmodSync(join(path, 'docker'), 0o755)
  const play = (plays: Readonly<Record<string, Play>>): void =>
    writeFileSync(join(path, 'plays.json'), JSON.stringify({ ...plays, ...rest(plays) }))
  play(WELL)
  return {
    path,
    play,
    seen: () => {
      const file = join(path, 'seen.jsonl')
      return existsSync(file)
        ? readFileSync(file, 'utf8')
            .trim()
            .split('\n')
            .map((line) => JSON.parse(line))
        : []
    },
  }
}

const rest = (plays: Readonly<Record<string, Play>>): Readonly<Record<string, Play>> =>
  Object.fromEntries(Object.entries(WELL).filter(([name]) => !Object.hasOwn(plays, name)))
