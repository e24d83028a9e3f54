import { randomBytes } from 'node:crypto'
import { clientOf } from '../contract/client.ts'
import { clusterContract } from '../contract/cluster.contract.ts'
import { realCluster } from './site.ts'

// The very assertions that the embedded cluster is held to.
clusterContract('the real cluster', async () => {
  const { access, image } = await realCluster()
  const made: string[] = []
  const target = {
    ...access,
    image: image('good'),
    port: 8080,
    namespace: async () => {
      const name = `contract-${randomBytes(4).toString('hex')}`
      made.push(name)
      await clientOf(target).call('POST', '/api/v1/namespaces', { metadata: { name } })
      return name
    },
    stop: async () => {
      for (const name of made) await clientOf(target).call('DELETE', `/api/v1/namespaces/${name}`)
    },
  }
  return target
})
