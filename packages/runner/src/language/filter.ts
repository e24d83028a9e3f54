/**
 * Whether a list of patterns lets a branch, a tag or a path through: the last pattern that fits decides, one with `!` before it shuts out.
 * `*` is anything but `/`, `**` anything, `?` none or one of what stands before it, `+` one or more of it, `[…]` one of these; case counts.
 * Source: docs.github.com, "Workflow syntax", filter pattern cheat sheet.
 */
export const lets = (patterns: readonly string[], name: string): boolean => {
  const last = patterns.findLast((pattern) => patternOf(pattern.replace(/^!/, '')).test(name))
  return last !== undefined && !last.startsWith('!')
}

const patternOf = (pattern: string): RegExp => {
  const parts = pattern.match(/\*\*\/|\*\*|\\.|\[[^\]]*\]|./gsu) ?? []
  return new RegExp(`^${parts.map(partOf).join('')}$`, 'su')
}

const partOf = (part: string, index: number): string => {
  // `docs/**/*.md` takes `docs/a.md` too.
  if (part === '**/') return '(?:.*/)?'
  if (part === '**') return '(?:.*)'
  if (part === '*') return '(?:[^/]*)'
  if ((part === '?' || part === '+') && index > 0) return part
  if (part.length > 1 && part.startsWith('[')) return part
  return part.replace(/^\\(?=.)/su, '').replace(/[\\^$.*+?()[\]{}|/]/gu, '\\$&')
}
