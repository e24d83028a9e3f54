import { afterAll } from 'vitest'
import { registryContract } from './contract.ts'
import { MASTER, startRegistry, USER } from './server.ts'

const closing: (() => Promise<void>)[] = []
afterAll(async () => {
  for (const close of closing) await close()
})

registryContract('a registry without login', async () => {
  const registry = await startRegistry()
  closing.push(registry.close)
  return { host: registry.host }
})

registryContract('a registry with passwords', async () => {
  const registry = await startRegistry()
  closing.push(registry.close)
  registry.door = { kind: 'basic', password: 'sesame' }
  return { host: registry.host, credentials: { username: USER, password: 'sesame' }, authorization: () => MASTER }
})

registryContract('a registry with tokens, in small pages', async () => {
  const registry = await startRegistry()
  closing.push(registry.close)
  registry.door = { kind: 'bearer', password: 'sesame', ms: 60_000 }
  registry.pageSize = 2
  return { host: registry.host, credentials: { username: USER, password: 'sesame' }, authorization: () => MASTER }
})
