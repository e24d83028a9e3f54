import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { isAbsolute, join, normalize, relative, sep } from 'node:path'

/**
 * SHA-256 (hex) over the SHA-256 of each file in the workspace that the patterns take, in order of path; empty when there is none.
 * A pattern takes a folder with all that is in it; one that begins with `!` takes away what those before it gave. Source: docs.github.com, "Evaluate expressions", hashFiles.
 */
export const hashFiles = (workspace: string, patterns: readonly string[]): string => {
  const all = readdirSync(workspace, { recursive: true, encoding: 'utf8' }).map((path) => path.split(sep).join('/'))
  const taken = new Set<string>()
  for (const line of patterns.flatMap((one) => one.split('\n')).map((one) => one.trim())) {
    if (line === '' || line.startsWith('#')) continue
    const written = line.replace(/^!/, '')
    const pattern = expressionOf(isAbsolute(written) ? relative(workspace, written) : normalize(written))
    for (const path of all.filter((one) => pattern.test(one)))
      line.startsWith('!') ? taken.delete(path) : taken.add(path)
  }
  const files = [...taken].filter((path) => statSync(join(workspace, path), { throwIfNoEntry: false })?.isFile()).sort()
  if (files.length === 0) return ''
  const whole = createHash('sha256')
  for (const file of files)
    whole.update(
      createHash('sha256')
        .update(readFileSync(join(workspace, file)))
        .digest(),
    )
  return whole.digest('hex')
}

/** `**` is any number of folders, `*` and `?` stay within one name; names that begin with a dot are like others. */
const expressionOf = (pattern: string): RegExp => {
  const parts = pattern.replace(/\/+$/, '').split('/')
  const source = parts.map((part, at) => {
    if (part === '**') return at === parts.length - 1 ? '.*' : '(?:.*/)?'
    const name = part.replace(/\[!/g, '[^').replace(/[.+^$(){}|\\]|\*|\?/g, (sign) => SIGNS[sign] ?? `\\${sign}`)
    return at === parts.length - 1 ? name : `${name}/`
  })
  return new RegExp(`^${source.join('')}(?:/.*)?$`, 's')
}

const SIGNS: Readonly<Record<string, string>> = { '*': '[^/]*', '?': '[^/]', '^': '^' }
