import { deflateSync, inflateSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { indexed } from './palette.ts'

const chunk = (name: string, content: Buffer): Buffer => {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(content.length)
  return Buffer.concat([length, Buffer.from(name), content, Buffer.alloc(4)])
}

/** A picture of 3 × 5 pixels in which each row is written by another of PNG's filters. */
const filtered = (): { readonly png: Buffer; readonly pixels: readonly number[] } => {
  const rows = [0, 1, 2, 3, 4].map((y) => Array.from({ length: 9 }, (_, x) => (37 * x * (y + 1) + 91 * y) % 256))
  const written = rows.map((row, filter) => {
    const above = rows[filter - 1] ?? []
    return Buffer.from([
      filter,
      ...row.map((byte, x) => {
        const [left, up, corner] = [row[x - 3] ?? 0, above[x] ?? 0, above[x - 3] ?? 0]
        const estimate = left + up - corner
        const byDistance = [left, up, corner].sort((a, b) => Math.abs(estimate - a) - Math.abs(estimate - b))
        const predicted = [0, left, up, Math.floor((left + up) / 2), byDistance[0] ?? 0][filter] ?? 0
        return (byte - predicted + 256) % 256
      }),
    ])
  })
  const header = Buffer.from([0, 0, 0, 3, 0, 0, 0, 5, 8, 2, 0, 0, 0])
  const png = Buffer.concat([
    Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.concat(written))),
    chunk('IEND', Buffer.alloc(0)),
  ])
  return { png, pixels: rows.flat() }
}

test('a picture of few colours keeps every pixel, whatever filters it was written by', () => {
  const { png, pixels } = filtered()
  const small = indexed(png)
  const palette = small.indexOf('PLTE') + 4
  const data = small.indexOf('IDAT') + 4
  const rows = inflateSync(small.subarray(data, data + small.readUInt32BE(data - 8)))
  const seen = [0, 1, 2, 3, 4].flatMap((y) => {
    expect(rows[4 * y]).toBe(0)
    return [1, 2, 3].flatMap((x) => [...small.subarray(palette + 3 * (rows[4 * y + x] ?? 0)).subarray(0, 3)])
  })
  expect(seen).toEqual(pixels)
})
