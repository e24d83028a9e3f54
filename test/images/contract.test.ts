import { afterAll, beforeAll, describe } from 'vitest'
import { registryContract } from '../../packages/registry/test/contract.ts'
import { type Ground, openGround } from './ground.ts'
import { lacking } from './programs.ts'
import { ACCOUNT } from './registry.ts'

/** The same cases that the registry in memory is held to. */
describe.skipIf(lacking().length > 0)('real registries', () => {
  let ground: Ground
  beforeAll(async () => {
    ground = await openGround()
  }, 900_000)
  afterAll(() => ground?.close(), 60_000)

  registryContract('the real registry without login', async () => ({ host: ground.open.host }))

  const basic = `Basic ${Buffer.from(`${ACCOUNT.username}:${ACCOUNT.password}`).toString('base64')}`
  registryContract('the real registry with name and password', async () => ({
    host: ground.basic.host,
    credentials: ACCOUNT,
    authorization: () => basic,
  }))

  registryContract('the real registry with tokens', async () => ({
    host: ground.guarded.host,
    credentials: ACCOUNT,
    authorization: (path) => `Bearer ${ground.tokens.tokenFor(path)}`,
  }))
})
