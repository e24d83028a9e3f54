/** One file of an archive: an absolute path, its permission bits and its bytes. */
export type Entry = { readonly path: string; readonly mode: number; readonly bytes: Buffer }

const BLOCK = 512

/**
 * A tar archive of the files and of the folders above them, in the order of their bytes' paths: the same files give the same bytes on any
 * machine, in any order and at any time, as everything else of a header (times, owner, names of people) is zero.
 * Source: POSIX.1-2017, pax, "ustar Interchange Format".
 * @throws Error for a path that is relative, given twice, a file and a folder at once, or longer than ustar holds
 */
export const tar = (entries: readonly Entry[]): Buffer => {
  const files = new Map<string, Entry>()
  for (const entry of entries) {
    if (!/^\/[^/]/.test(entry.path) || /\/(\.{0,2})(\/|$)/.test(entry.path))
      throw new Error(`A file of an image lies at ${JSON.stringify(entry.path)}. Give an absolute, plain path`)
    if (files.has(entry.path)) throw new Error(`Two files of one layer lie at ${entry.path}. Leave one out`)
    files.set(entry.path, entry)
  }
  const folders = new Set([...files.keys()].flatMap(above))
  const both = [...folders].find((folder) => files.has(folder))
  if (both !== undefined) throw new Error(`${both} is a file and a folder at once. Move one of them`)

  const names = [...files.keys(), ...folders].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  const parts = names.flatMap((name) => {
    const file = files.get(name)
    if (file === undefined) return [header(`${name.slice(1)}/`, { mode: 0o755, size: 0, type: '5' })]
    const padding = Buffer.alloc((BLOCK - (file.bytes.length % BLOCK)) % BLOCK)
    return [header(name.slice(1), { mode: file.mode, size: file.bytes.length, type: '0' }), file.bytes, padding]
  })
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)])
}

/** `/a/b/c`: `/a`, `/a/b`. */
const above = (path: string): readonly string[] => {
  const parts = path.split('/').slice(1, -1)
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`)
}

const header = (path: string, { mode, size, type }: { mode: number; size: number; type: '0' | '5' }): Buffer => {
  const block = Buffer.alloc(BLOCK)
  const [prefix, name] = split(path)
  block.write(name, 0, 100)
  block.write(`${octal(mode, 7)}\0${octal(0, 7)}\0${octal(0, 7)}\0${octal(size, 11)}\0${octal(0, 11)}\0`, 100)
  block.write(`        ${type}`, 148)
  block.write('ustar\x0000', 257)
  block.write(prefix, 345, 155)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${octal(sum, 6)}\0 `, 148)
  return block
}

/** The two fields a path may fill: at most 155 bytes before a `/` and 100 behind it. */
const split = (path: string): readonly [prefix: string, name: string] => {
  if (Buffer.byteLength(path) <= 100) return ['', path]
  for (let at = path.indexOf('/'); at > 0; at = path.indexOf('/', at + 1)) {
    const [prefix, name] = [path.slice(0, at), path.slice(at + 1)]
    if (Buffer.byteLength(prefix) <= 155 && name !== '' && Buffer.byteLength(name) <= 100) return [prefix, name]
  }
  throw new Error(`/${path} is too long for a tar archive. Give the file a shorter path in the image`)
}

const octal = (value: number, digits: number): string => value.toString(8).padStart(digits, '0')
