import { parseArgs } from 'node:util'
import { nodeFiles, pushImage } from './image.ts'

/**
 * Pushes an image of the Node that runs this, with the libraries it is linked against and nothing else: a base for Dockerfiles where none can be pulled.
 * Prints the digest, alone on stdout.
 * @throws Error as `pushImage`
 */
const main = async (args: readonly string[]): Promise<void> => {
  const { values } = parseArgs({
    args: [...args],
    options: { registry: { type: 'string' }, repository: { type: 'string' } },
  })
  const { registry, repository } = values
  if (registry === undefined || repository === undefined)
    throw new Error('usage: node scripts/node-image.ts --registry URL --repository NAME')
  const spec = { layers: [nodeFiles()], entrypoint: [], env: { PATH: '/usr/local/bin' } }
  const { digest } = await pushImage(registry, repository, spec)
  process.stdout.write(`${digest}\n`)
}

if (import.meta.main) {
  await main(process.argv.slice(2)).catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 1
  })
}
