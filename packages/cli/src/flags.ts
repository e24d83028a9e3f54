import { Fault } from '@sluice/kit/faults'
import { unknownName } from '@sluice/kit/nearest'

/** How flags are written: a `switch` stands alone, a `value` follows, `optional` takes a value only as `--name=value`. */
export type Kinds = Readonly<Record<string, 'switch' | 'value' | 'optional'>>

/** The flags that were given, and the words that are none. */
export type Flags = { readonly values: Readonly<Record<string, string>>; readonly words: readonly string[] }

/**
 * Reads `--name value`, `--name=value` and switches, which `--no-name` turns off.
 * @param most so many words that are no flags are taken; more are mistakes
 * @throws Fault('input') with every mistake at once, an unknown flag with the nearest known one
 */
export const readFlags = (argv: readonly string[], kinds: Kinds, most = 0): Flags => {
  const values: Record<string, string> = {}
  const [words, problems]: [string[], string[]] = [[], []]
  const names = Object.keys(kinds).map((name) => `--${name}`)
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? ''
    const [flag = '', ...tail] = word.split('=')
    const off = flag.startsWith('--no-') && ['switch', 'optional'].includes(kinds[flag.slice(5)] ?? '')
    const name = off ? flag.slice(5) : flag.slice(2)
    const kind = flag.startsWith('--') && Object.hasOwn(kinds, name) ? kinds[name] : undefined
    if (kind === undefined && words.length < most && (word === '-' || !word.startsWith('-'))) {
      words.push(word)
      continue
    }
    if (kind === undefined) {
      problems.push(
        word.startsWith('-') ? unknownName('flag', flag, names) : `unexpected "${word}"; flags are --name value`,
      )
      // What follows an unknown flag is most likely its value, and no mistake of its own.
      if (word.startsWith('-') && tail.length === 0 && argv[at + 1]?.startsWith('-') === false) at++
      continue
    }
    if (Object.hasOwn(values, name)) problems.push(`--${name} is given twice`)
    if (kind === 'optional' && tail.length > 0) {
      values[name] = tail.join('=')
    } else if (kind === 'switch' || kind === 'optional') {
      if (tail.length > 0) problems.push(`${flag} stands alone, without a value`)
      values[name] = off ? 'false' : 'true'
    } else if (tail.length > 0) {
      values[name] = tail.join('=')
    } else if (at + 1 < argv.length && !argv[at + 1]?.startsWith('--')) {
      values[name] = argv[++at] ?? ''
    } else {
      problems.push(`${flag} needs a value; write ${flag}=… for one that begins with --`)
    }
  }
  if (problems.length > 0) throw faultOf(problems)
  return { values, words }
}

/** All mistakes of a command line, a line each. */
export const faultOf = (problems: readonly string[]): Fault => new Fault('input', problems.join('\n'))
