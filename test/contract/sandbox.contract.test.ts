import { fileURLToPath } from 'node:url'
import { startSandbox } from '@sluice/sandbox/sandbox'
import { clientOf } from './client.ts'
import { clusterContract } from './cluster.contract.ts'

const DIGEST = `sha256:${'c'.repeat(64)}`
const WEB = fileURLToPath(new URL('../../packages/sandbox/test/service/web.ts', import.meta.url))

clusterContract('the embedded cluster', async () => {
  const sandbox = await startSandbox({ images: { [DIGEST]: { command: [process.execPath, WEB] } } })
  let count = 0
  const target = {
    server: sandbox.server,
    token: sandbox.token,
    image: `registry.example/web@${DIGEST}`,
    port: 8080,
    namespace: async () => {
      count += 1
      const name = `contract-${count}`
      await clientOf(target).call('POST', '/api/v1/namespaces', { metadata: { name } })
      return name
    },
    stop: sandbox.stop,
  }
  return target
})
