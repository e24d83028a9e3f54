import { Fault } from '@sluice/kit/faults'
import { unknownName } from '@sluice/kit/nearest'
import { attempt, fieldsOf, type Line, linesOf, type Problem, pairOf, shown } from './attributes.ts'
import { readTemplate, type Template } from './expressions.ts'

/** A text around every tag that its rule gives none of its own. */
export type Affix = { readonly text: Template; readonly onLatest: boolean; readonly line: number }

/** What is common to all tags. */
export type Flavor = {
  /** `auto`: where the first tag is of a version, a Git tag or a match. */
  readonly latest: 'auto' | 'true' | 'false'
  readonly prefix: Affix
  readonly suffix: Affix
}

const NONE: Affix = { text: [], onLatest: false, line: 1 }
const LATEST = ['auto', 'true', 'false'] as const

/**
 * Reads `latest=…`, `prefix=…[,onlatest=true]` and `suffix=…[,onlatest=true]`; what is wrong joins `problems`.
 * Unlike docker/metadata-action, who says nothing of `latest` gets none: `latest=auto` is to be asked for.
 */
export const readFlavor = (text: string, problems: Problem[]): Flavor => {
  let flavor: Flavor = { latest: 'false', prefix: NONE, suffix: NONE }
  for (const line of linesOf(text)) {
    attempt({ input: 'flavor', line: line.number, problems }, () => {
      flavor = withLine(flavor, line)
    })
  }
  return flavor
}

const withLine = (flavor: Flavor, { number, text }: Line): Flavor => {
  let known = flavor
  let affix: 'prefix' | 'suffix' | undefined
  for (const field of fieldsOf(text)) {
    const pair = pairOf(field)
    if (pair === undefined) throw new Fault('input', `${shown(field)} is written as name=value`)
    const { name, value } = pair
    if (name === 'latest') {
      known = { ...known, latest: oneOf(name, value, LATEST) }
    } else if (name === 'prefix' || name === 'suffix') {
      affix = name
      known = { ...known, [name]: { text: readTemplate(value), onLatest: false, line: number } }
    } else if (name === 'onlatest') {
      if (affix === undefined) throw new Fault('input', 'onlatest stands behind a prefix or a suffix, in its line')
      known = { ...known, [affix]: { ...known[affix], onLatest: oneOf(name, value, ['true', 'false']) === 'true' } }
    } else {
      throw new Fault('input', unknownName('attribute', name.slice(0, 60), ['latest', 'prefix', 'suffix', 'onlatest']))
    }
  }
  return known
}

const oneOf = <T extends string>(name: string, value: string, known: readonly T[]): T => {
  const found = known.find((one) => one === value)
  if (found === undefined) throw new Fault('input', `${name} is one of ${known.join(', ')}, not ${shown(value)}`)
  return found
}
