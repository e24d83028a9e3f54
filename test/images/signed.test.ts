import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { BASE } from './dockerfiles.ts'
import { type Ground, openGround } from './ground.ts'
import { type Local, openLocal, saidBy } from './local.ts'
import { lacking } from './programs.ts'

describe.skipIf(lacking().length > 0)('package.yml with attest, of one platform,', () => {
  /** What GitHub was asked to sign, and how many tags there were then. */
  const signed: { readonly subject: string; readonly tags: number }[] = []
  let signs = false
  let ground: Ground
  let local: Local

  beforeAll(async () => {
    ground = await openGround()
    local = await openLocal(
      ground,
      {
        Dockerfile: BASE,
        'sluice.yml': `version: 1
services: { shop: { image: ${ground.proxy.host}/acme/signed, package: { attest: true } } }
`,
      },
      {
        machines: 1,
        standIns: {
          'actions/attest': async ({ inputs }) => {
            const tags = (await ground.open.tags('acme/signed')).length
            signed.push({ subject: `${inputs['subject-name']}@${inputs['subject-digest']}`, tags })
            return { conclusion: signs ? 'success' : 'failure' }
          },
        },
      },
    )
  }, 900_000)
  afterAll(async () => {
    await local?.close()
    await ground?.close()
  }, 60_000)

  const said = async (): Promise<Readonly<Record<string, string>>> => saidBy(await local.push())

  test('no tag names what nobody signed; the next run signs it and tags it, and the one after has nothing to do', async () => {
    expect(await said()).toMatchObject({ verdict: 'error', 'reason-code': 'attest-failed', digest: 'none' })
    expect(await ground.open.tags('acme/signed')).toEqual([])

    signs = true
    const { digest, ...second } = await said()
    expect(second).toMatchObject({ verdict: 'pass', 'reason-code': 'merged' })
    expect(signed).toHaveLength(2)
    expect(signed[1]).toEqual({ subject: `${ground.proxy.host}/acme/signed@${digest}`, tags: 0 })
    const tags = await ground.open.tags('acme/signed')
    expect(tags).toHaveLength(2)
    for (const tag of tags) expect((await ground.open.stored('acme/signed', tag))?.digest).toBe(digest)

    expect(await said()).toMatchObject({ verdict: 'pass', 'reason-code': 'skipped', digest })
    expect(signed).toHaveLength(2)
  }, 180_000)
})
