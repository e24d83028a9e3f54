import { array, duplicate, jsonType, required, wrong } from './causes.ts'
import { type Doc, isFields } from './objects.ts'
import type { Cause } from './refusals.ts'

/** What is wrong with a Service's ports and address. */
export const service = (spec: Record<string, unknown>, before?: Doc): readonly Cause[] => {
  const causes: Cause[] = []
  const ports = array(spec.ports)
  if (ports.length === 0 && spec.type !== 'ExternalName' && spec.clusterIP !== 'None')
    causes.push(required('spec.ports'))
  const names = new Set<unknown>()
  ports.forEach((port, i) => {
    if (!isFields(port)) return
    const number = Number(port.port)
    if (!(number >= 1 && number <= 65_535))
      causes.push(wrong(`spec.ports[${i}].port`, port.port, 'must be between 1 and 65535, inclusive'))
    if (ports.length > 1 && port.name === undefined) causes.push(required(`spec.ports[${i}].name`))
    else if (port.name !== undefined && names.has(port.name)) causes.push(duplicate(`spec.ports[${i}].name`, port.name))
    names.add(port.name)
  })
  const old = isFields(before?.spec) ? before.spec.clusterIP : undefined
  if (before !== undefined && old !== undefined && spec.clusterIP !== old) {
    causes.push(wrong('spec.clusterIPs[0]', spec.clusterIP, 'may not change once set'))
  }
  return causes
}

/** What is wrong with an HTTPRoute's backends. */
export const weights = (spec: Record<string, unknown>): readonly Cause[] =>
  array(spec.rules).flatMap((rule, i) =>
    array(isFields(rule) ? rule.backendRefs : []).flatMap((ref, j): Cause[] => {
      if (!isFields(ref)) return []
      const at = `spec.rules[${i}].backendRefs[${j}]`
      const weight = ref.weight
      const causes: Cause[] = []
      if (ref.name === undefined) causes.push(required(`${at}.name`))
      if (!Number.isInteger(weight)) {
        causes.push({
          reason: 'FieldValueTypeInvalid',
          field: `${at}.weight`,
          message: `Invalid value: ${JSON.stringify(jsonType(weight))}: ${at}.weight in body must be of type integer: ${JSON.stringify(jsonType(weight))}`,
        })
      } else if (Number(weight) < 0)
        causes.push(wrong(`${at}.weight`, weight, `${at}.weight in body should be greater than or equal to 0`))
      else if (Number(weight) > 1_000_000)
        causes.push(wrong(`${at}.weight`, weight, `${at}.weight in body should be less than or equal to 1e+06`))
      if (ref.kind === 'Service' && ref.group === '' && ref.port === undefined) {
        causes.push({
          reason: 'FieldValueInvalid',
          field: at,
          message: 'Invalid value: "object": Must have port for Service reference',
        })
      }
      return causes
    }),
  )
