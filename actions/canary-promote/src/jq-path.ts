/**
 * The JSON pointers of what a jq path names in this object. Known are the plain forms, `.a.b`, `["a"]`, `[1]`, `[]` and `| select(.name=="a")`; an
 * expression of any other form names nothing, because what it would name is not known. Source: the manual of jq 1.7, basic filters.
 */
export const pointersOf = (object: unknown, expression: string): readonly string[] =>
  (stepsOf(expression) ?? [() => []])
    .reduce<readonly Place[]>((places, step) => places.flatMap(step), [{ pointer: '', value: object }])
    .map(({ pointer }) => pointer)

type Place = { readonly pointer: string; readonly value: unknown }
type Step = (place: Place) => readonly Place[]

const stepsOf = (expression: string): readonly Step[] | undefined => {
  const parts = expression.split('|').map((part, index) => (index === 0 ? plainSteps(part) : pipedSteps(part)))
  return parts.some((part) => part === undefined) ? undefined : parts.flatMap((part) => part ?? [])
}

const pipedSteps = (part: string): readonly Step[] | undefined => {
  const selected = SELECT.exec(part)
  if (selected === null) return plainSteps(part)
  const [, name = '', behind = ''] = selected
  const rest = behind.trim() === '' ? [] : plainSteps(behind.replace(/^\s*\[/, '.['))
  return rest && [named(name), ...rest]
}

const SELECT = /^\s*select\(\s*\.name\s*==\s*"([^"\\]*)"\s*\)(.*)$/

/** `.spec.containers[].image`: it begins with a point, a bracket alone would be a list of its own. */
const plainSteps = (part: string): readonly Step[] | undefined => {
  const text = part.trim()
  if (!text.startsWith('.')) return undefined
  const steps: Step[] = []
  let rest = text
  while (rest !== '') {
    const found = FORMS.map(({ form, step }) => ({ step, match: form.exec(rest) })).find(({ match }) => match !== null)
    if (!found?.match) return undefined
    steps.push(found.step(found.match[1] ?? ''))
    rest = rest.slice(found.match[0].length)
  }
  return steps
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const field =
  (name: string): Step =>
  ({ pointer, value }) =>
    isRecord(value) && Object.hasOwn(value, name)
      ? [{ pointer: `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`, value: value[name] }]
      : []

const elements: Step = ({ pointer, value }) =>
  Array.isArray(value) ? value.map((element, index) => ({ pointer: `${pointer}/${index}`, value: element })) : []

const element =
  (index: string): Step =>
  (place) =>
    elements(place).slice(Number(index), Number(index) + 1)

const named =
  (name: string): Step =>
  (place) =>
    isRecord(place.value) && place.value.name === name ? [place] : []

const FORMS: readonly { readonly form: RegExp; readonly step: (text: string) => Step }[] = [
  { form: /^\.([A-Za-z_]\w*)\??/, step: field },
  { form: /^\."([^"\\]*)"\??/, step: field },
  { form: /^\.?\["([^"\\]*)"\]\??/, step: field },
  { form: /^\.?\[(\d+)\]\??/, step: element },
  { form: /^\.?\[\]\??/, step: () => elements },
]
