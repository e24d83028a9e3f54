import { crc32, deflateSync, inflateSync } from 'node:zlib'

/**
 * A screenshot as a PNG of at most 256 colours, about a third as large: its most frequent ones, and for every other the nearest of them.
 * @param png as Chromium writes it: 8 bits a channel, not interlaced
 * Source: PNG specification, https://www.w3.org/TR/png-3/ (chunks, filters)
 */
export const indexed = (png: Buffer): Buffer => {
  const [width, height, channels] = [png.readUInt32BE(16), png.readUInt32BE(20), png[25] === 6 ? 4 : 3]
  const pixels = unfiltered(inflateSync(dataOf(png)), { width, height, channels })
  const counts = new Map<number, number>()
  for (const colour of pixels) counts.set(colour, (counts.get(colour) ?? 0) + 1)
  const palette = [...counts].sort(([, a], [, b]) => b - a).slice(0, 256)
  const indices = new Map([...counts.keys()].map((colour) => [colour, nearest(palette, colour)]))
  const rows = Buffer.alloc(height * (width + 1))
  for (let at = 0; at < pixels.length; at++) rows[at + Math.floor(at / width) + 1] = indices.get(pixels[at] ?? 0) ?? 0
  const header = Buffer.from(png.subarray(16, 29))
  header[9] = 3
  return Buffer.concat([
    png.subarray(0, 8),
    chunk('IHDR', header),
    chunk('PLTE', Buffer.from(palette.flatMap(([colour]) => channelsOf(colour)))),
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

const dataOf = (png: Buffer): Buffer => {
  const parts: Buffer[] = []
  for (let at = 8; at < png.length; at += 12 + png.readUInt32BE(at)) {
    const length = png.readUInt32BE(at)
    if (png.toString('latin1', at + 4, at + 8) === 'IDAT') parts.push(png.subarray(at + 8, at + 8 + length))
  }
  return Buffer.concat(parts)
}

/** Every pixel as one number, red first: each byte was written as its difference from what is left of it, above it, or both. */
const unfiltered = (
  data: Buffer,
  { width, height, channels }: { readonly width: number; readonly height: number; readonly channels: number },
): Uint32Array => {
  const length = width * channels
  const pixels = new Uint32Array(width * height)
  let above = Buffer.alloc(length)
  for (let y = 0; y < height; y++) {
    const filter = data[y * (length + 1)] ?? 0
    const row = Buffer.from(data.subarray(y * (length + 1) + 1, (y + 1) * (length + 1)))
    for (let x = 0; x < length; x++) {
      const known = { left: row[x - channels] ?? 0, up: above[x] ?? 0, corner: above[x - channels] ?? 0 }
      row[x] = (row[x] ?? 0) + predicted(filter, known)
    }
    for (let x = 0; x < width; x++) pixels[y * width + x] = row.readUIntBE(x * channels, 3)
    above = row
  }
  return pixels
}

const predicted = (
  filter: number,
  { left, up, corner }: { readonly left: number; readonly up: number; readonly corner: number },
): number => {
  if (filter < 2) return filter * left
  if (filter === 2) return up
  if (filter === 3) return (left + up) >> 1
  const [toLeft, toUp, toCorner] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)]
  return toLeft <= toUp && toLeft <= toCorner ? left : toUp <= toCorner ? up : corner
}

const nearest = (palette: readonly (readonly [number, number])[], colour: number): number => {
  const wanted = channelsOf(colour)
  const distances = palette.map(([known]) =>
    channelsOf(known).reduce((sum, channel, index) => sum + (channel - (wanted[index] ?? 0)) ** 2, 0),
  )
  return distances.indexOf(Math.min(...distances))
}

const channelsOf = (colour: number): readonly number[] => [(colour >> 16) & 255, (colour >> 8) & 255, colour & 255]

const chunk = (name: string, content: Buffer): Buffer => {
  const named = Buffer.concat([Buffer.from(name, 'latin1'), content])
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(content.length)
  sum.writeUInt32BE(crc32(named))
  return Buffer.concat([length, named, sum])
}
