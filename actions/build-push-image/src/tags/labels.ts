import { Fault } from '@sluice/kit/faults'
import { attempt, linesOf, type Problem, shown, throwProblems } from './attributes.ts'
import type { GitEvent } from './event.ts'
import { fill, readTemplate, scopeOf } from './expressions.ts'

const OCI = 'org.opencontainers.image.'
/** By these a later run knows an image again: one that could be given would pass for another's. */
const OWN = [`${OCI}revision`, 'dev.sluice.run']

/**
 * The labels of an image, sorted by name: those of the OCI (https://github.com/opencontainers/image-spec/blob/main/annotations.md) from the event, and the lines of the input, which win, but for what a later run knows the image by. The later of two lines wins.
 * A label that has no value is written empty: the base image's would be taken for this image's otherwise.
 * `created` is the time of the commit where the event says it, so that a second build of it gives the same labels.
 * @param custom lines `name=value`; expressions as in `tags`
 * @param version the first tag
 * @throws Fault('input') with all that is wrong, by line
 */
export const labelsOf = (custom: string, event: GitEvent, version: string): Readonly<Record<string, string>> => {
  const { repository, committedAt, now, sha } = event
  const problems: Problem[] = []
  const labels = new Map([
    [`${OCI}title`, repository.name],
    [`${OCI}description`, oneLine(repository.description)],
    [`${OCI}url`, repository.url],
    [`${OCI}source`, repository.url],
    [`${OCI}version`, version],
    [`${OCI}created`, new Date(committedAt ?? now).toISOString()],
    [`${OCI}revision`, sha],
    [`${OCI}licenses`, repository.license],
  ])
  const scope = scopeOf(event)
  for (const line of linesOf(custom)) {
    attempt({ input: 'labels', line: line.number, problems }, () => {
      const [name, value] = labelIn(line.text)
      if (OWN.includes(name))
        throw new Fault('input', `${name} says what was built, and by which run: it is set by itself`)
      labels.set(name, fill(readTemplate(value), scope))
    })
  }
  throwProblems(problems)
  return Object.fromEntries([...labels].sort(([a], [b]) => (a < b ? -1 : 1)))
}

const labelIn = (text: string): readonly [string, string] => {
  const at = text.indexOf('=')
  if (at < 0) throw new Fault('input', `${shown(text)} is written as name=value`)
  const name = text.slice(0, at).trim()
  if (!/^[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?$/.test(name))
    throw new Fault('input', `${shown(name)} is no name of a label: letters, digits and . _ / - between them`)
  const value = text.slice(at + 1).trim()
  if (CONTROL.test(value)) throw new Fault('input', `the value of ${name} has a control character`)
  return [name, value]
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: what no argument of a program and no line of a log may hold
const CONTROL = /[\u0000-\u0008\u000a-\u001f\u007f]/
const oneLine = (text: string): string => text.replace(new RegExp(CONTROL, 'g'), ' ').trim()
