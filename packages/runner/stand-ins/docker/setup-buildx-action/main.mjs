// A stand-in of this project for docker/setup-buildx-action, for local runs only. On GitHub it makes a builder of the driver docker-container and
// removes it after the job; here the builder is the machine's own and outlives it.
import { spawnSync } from 'node:child_process'
import { appendFileSync } from 'node:fs'

const { error, status, stdout, stderr } = spawnSync('docker', ['buildx', 'inspect', '--bootstrap'], {
  encoding: 'utf8',
})
if (error !== undefined || status !== 0) {
  const why = error?.code === 'ENOENT' ? 'docker is not on PATH' : (error?.message ?? stderr.trim().split('\n').at(-1))
  console.log(
    `::error title=No builder::${`This machine has no builder that docker buildx can use: ${why}`.replaceAll('%', '%25')}`,
  )
  process.exit(1)
}
const field = (name) => new RegExp(`^${name}:\\s+(.+?)\\s*$`, 'm').exec(stdout)?.[1] ?? ''
console.log(
  `Takes the builder "${field('Name')}" of this machine, driver ${field('Driver')}: in a local run none is made, and none is removed.`,
)
const platforms = field('Platforms').replaceAll(/\*|\s/g, '')
if (process.env.GITHUB_OUTPUT)
  appendFileSync(
    process.env.GITHUB_OUTPUT,
    `name=${field('Name')}\ndriver=${field('Driver')}\nplatforms=${platforms}\n`,
  )
