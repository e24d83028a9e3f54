import { spawn } from 'node:child_process'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { request } from '@sluice/http/request'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cloudwatchSource } from '../src/cloudwatch.ts'
import { heldToItsWord } from './sums-property.ts'

/**
 * The same against moto, an implementation of AWS's API that others wrote: `pip install --target DIR 'moto[server]==5.1.22'`, then
 * `PYTHONPATH=DIR MOTO_SERVER=DIR/bin/moto_server`. It checks no signature.
 */
const MOTO = process.env.MOTO_SERVER

test.skipIf(MOTO === undefined)(
  'what was put into moto by PutMetricData is read from it, each period once',
  async () => {
    const port = await freePort()
    const moto = spawn('python3', [MOTO ?? '', '-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' })
    const url = `http://127.0.0.1:${port}`
    const put = async (body: object) =>
      request({
        url,
        method: 'POST',
        headers: {
          'content-type': 'application/x-amz-json-1.0',
          'x-amz-target': 'GraniteServiceVersion20100801.PutMetricData',
          authorization:
            'AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-central-1/monitoring/aws4_request, SignedHeaders=host, Signature=0',
        },
        body: JSON.stringify(body),
        timeoutMs: 5000,
      })
    try {
      for (let tries = 0; (await put({ Namespace: 'Warm', MetricData: [] })).kind !== 'answered'; tries++) {
        if (tries > 100) throw new Error('moto did not start within 20 s')
        await new Promise((resolve) => setTimeout(resolve, 200))
      }
      // moto refuses no time, and keeps what is in the past.
      const start = Math.floor(Date.now() / 60_000) * 60_000 - 3_600_000
      let run = 0
      await heldToItsWord(
        fc,
        async () => {
          const service = `cart-${run++}`
          const clock = { at: start, now: () => clock.at, sleep: async () => {}, random: () => 0.5 }
          const stat = (metric: string) => ({ namespace: 'Shop', metric, dimensions: { Deployment: '{{deployment}}' } })
          const source = cloudwatchSource(
            {
              region: 'eu-central-1',
              endpoint: url,
              credentials: async () => ({ accessKeyId: 'AKID', secretAccessKey: 'any' }),
              namespace: 'shop',
              baseline: service,
              canary: `${service}-canary`,
              metrics: [{ kind: 'ratio', name: 'errors', total: stat('Requests'), bad: stat('Errors') }],
              delay: 60_000,
            },
            request,
            clock,
          )
          return {
            clock,
            source,
            start,
            hold: async (side, role, at, count) => {
              const answer = await put({
                Namespace: 'Shop',
                MetricData: [
                  {
                    MetricName: role === 'bad' ? 'Errors' : 'Requests',
                    Dimensions: [{ Name: 'Deployment', Value: side === 'canary' ? `${service}-canary` : service }],
                    Timestamp: at / 1000,
                    Value: count,
                    Unit: 'Count',
                  },
                ],
              })
              expect(answer).toMatchObject({ kind: 'answered', status: 200 })
            },
          }
        },
        8,
      )
    } finally {
      moto.kill()
    }
  },
  120_000,
)

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
