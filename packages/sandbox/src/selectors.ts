import type { Doc, LabelSelector } from './objects.ts'
import { badRequest, type Refusal } from './refusals.ts'

/** Whether labels meet a selector of the object form. An empty selector meets everything. */
export const selects = (selector: LabelSelector | undefined, labels: Record<string, string> | undefined): boolean => {
  if (selector === undefined) return false
  const has = labels ?? {}
  return (
    Object.entries(selector.matchLabels ?? {}).every(([key, value]) => has[key] === value) &&
    (selector.matchExpressions ?? []).every((term) => {
      const value = has[term.key]
      if (term.operator === 'Exists') return value !== undefined
      if (term.operator === 'DoesNotExist') return value === undefined
      const listed = value !== undefined && (term.values ?? []).includes(value)
      return term.operator === 'In' ? listed : !listed
    })
  )
}

type Test = (object: Doc) => boolean

/** The `labelSelector` of a query as a test: `a=b,c!=d,e in (f,g),h,!i`. */
export const labelTest = (text: string): Test | Refusal => {
  const terms = text.match(/[^,(]+(\([^)]*\))?/g)?.map((term) => term.trim()) ?? []
  const tests: Test[] = []
  for (const term of terms) {
    const set = /^(\S+)\s+(in|notin)\s*\(([^)]*)\)$/.exec(term)
    const equal = /^([^\s=!]+)\s*(==|=|!=)\s*(\S*)$/.exec(term)
    const exists = /^(!?)\s*([^\s=!]+)$/.exec(term)
    if (set) {
      const values = (set[3] ?? '').split(',').map((value) => value.trim())
      const label = set[1] ?? ''
      const wanted = set[2] === 'in'
      tests.push((object) => {
        const value = object.metadata.labels?.[label]
        return (value !== undefined && values.includes(value)) === wanted
      })
    } else if (equal) {
      const wanted = equal[2] !== '!='
      tests.push((object) => (object.metadata.labels?.[equal[1] ?? ''] === equal[3]) === wanted)
    } else if (exists) {
      tests.push((object) => (object.metadata.labels?.[exists[2] ?? ''] !== undefined) === (exists[1] === ''))
    } else {
      return badRequest(`unable to parse requirement: found '${term}' in labelSelector`)
    }
  }
  return (object) => tests.every((test) => test(object))
}

const FIELDS = /^(metadata\.(name|namespace)|involvedObject\.\w+|status\.phase|spec\.nodeName|type|reason)$/

/** The `fieldSelector` of a query as a test: `metadata.name=x,involvedObject.uid=y`. */
export const fieldTest = (text: string): Test | Refusal => {
  const tests: Test[] = []
  for (const term of text.split(',').filter((part) => part !== '')) {
    const parts = /^([^=!]+)(==|=|!=)(.*)$/.exec(term)
    const path = parts?.[1] ?? ''
    if (parts === null || !FIELDS.test(path)) return badRequest(`field label not supported: ${path || term}`)
    const wanted = parts[2] !== '!='
    tests.push((object) => (String(readPath(object, path) ?? '') === parts[3]) === wanted)
  }
  return (object) => tests.every((test) => test(object))
}

const readPath = (object: Doc, path: string): unknown =>
  path
    .split('.')
    .reduce<unknown>(
      (value, key) =>
        typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined,
      object,
    )
