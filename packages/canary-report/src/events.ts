import { type Field, r } from './figure.ts'
import { html, type Markup } from './html.ts'
import type { Details, Look } from './report.ts'

/** Something that happened to the release, marked in every chart. `at` in ms. */
export type Happening = {
  readonly at: number
  readonly kind: 'weight' | 'pods' | 'restart' | 'phase'
  readonly text: string
}

/** What happened, in the order of time: read from the looks at the cluster; without any, the lines that the release told. */
export const eventsOf = ({ looks = [], timeline }: Pick<Details, 'looks' | 'timeline'>): readonly Happening[] =>
  (looks.length > 0
    ? looks.flatMap((look, index) => changes(looks[index - 1], look))
    : timeline.map(({ at, text }) => ({ at: Date.parse(at), kind: 'phase' as const, text }))
  ).filter(({ at }) => Number.isFinite(at))

const changes = (before: Look | undefined, now: Look): readonly Happening[] => {
  const at = Date.parse(now.at)
  const tell = (kind: Happening['kind'], text: string): Happening => ({ at, kind, text })
  const [podsBefore, pods] = [before?.canary, now.canary]
  const restarts = (pods?.restarts ?? 0) - (podsBefore?.restarts ?? 0)
  return [
    ...(now.phase !== before?.phase && told(now, before) !== undefined ? [tell('phase', told(now, before) ?? '')] : []),
    ...(now.written !== (before?.written ?? 0) ? [tell('weight', `Canary weight ${now.written} %`)] : []),
    ...(pods !== undefined && (pods.ready !== (podsBefore?.ready ?? 0) || pods.desired !== podsBefore?.desired)
      ? [
          tell(
            'pods',
            pods.desired === 0
              ? 'The canary has no pods any more'
              : `${pods.ready} of ${pods.desired} canary pods ready`,
          ),
        ]
      : []),
    ...(restarts > 0
      ? [
          tell(
            'restart',
            `A canary container restarted${restarts > 1 ? ` ${restarts} times` : ''}, ${pods?.restarts} in all`,
          ),
        ]
      : []),
    ...(before !== undefined && before.stable.available !== now.stable.available
      ? [tell('pods', `${now.stable.available} of ${now.stable.desired} stable pods available`)]
      : []),
  ]
}

/** A phase in words; those that the other events tell of are left out. */
const told = ({ phase }: Look, before: Look | undefined): string | undefined => {
  if (phase === 'analysing') return before?.phase === 'holding' ? 'The hold is over' : undefined
  const words: Readonly<Record<string, string>> = {
    holding: 'Holding: the weight stays where it is',
    promoting: 'Promoting: stable gets the analysed template',
    lowering: 'The canary’s traffic goes away',
    draining: 'Draining the canary',
    done: 'The release is over',
  }
  return words[phase]
}

/** A mark on the axis: the events that are too near each other to be told apart there. `middle`, `half`: of its number, which stays inside the field. */
type Mark = {
  readonly x: number
  readonly text: string
  readonly middle: number
  readonly half: number
  readonly restart: boolean
}

/** Room that the numbers of `eventMarks` need above a field. */
export const RAIL = 26

/** Every event as a line through the field, and its number, as in the list of events, above it. */
export const eventMarks = (field: Field, events: readonly Happening[]): Markup =>
  html`<g aria-hidden="true">${marksOf(field, events).map(
    ({ x, text, middle, half, restart }) =>
      html`<path class="event${restart && ' restart'}" d="M${r(x)} ${r(field.top - 6)}V${r(field.bottom)}"/><rect class="mark${restart && ' restart'}" x="${r(middle - half)}" y="${r(field.top - 23)}" width="${r(2 * half)}" height="17" rx="8.5"/><text class="middle mark-text" x="${r(middle)}" y="${r(field.top - 10.5)}">${text}</text>`,
  )}</g>`

/** The same lines without numbers, for a chart right below one that has them. */
export const eventLines = (field: Field, events: readonly Happening[]): Markup =>
  html`<g aria-hidden="true">${marksOf(field, events).map(({ x, restart }) => html`<path class="event${restart && ' restart'}" d="M${r(x)} ${r(field.top)}V${r(field.bottom)}"/>`)}</g>`

type Group = { readonly x: number; readonly first: number; readonly last: number; readonly restart: boolean }

const marksOf = (field: Field, events: readonly Happening[]): readonly Mark[] => {
  const groups: Group[] = []
  events.forEach(({ at, kind }, index) => {
    let group: Group = { x: field.x(at), first: index + 1, last: index + 1, restart: kind === 'restart' }
    // A number grows when it takes in another, and may then touch the one before it.
    for (
      let last = groups.at(-1);
      last !== undefined && touch(markOf(last, field), markOf(group, field));
      last = groups.at(-1)
    ) {
      group = { ...last, last: group.last, restart: last.restart || group.restart }
      groups.pop()
    }
    groups.push(group)
  })
  return groups.map((group) => markOf(group, field))
}

const touch = (one: Mark, next: Mark): boolean => next.middle - next.half < one.middle + one.half + 3

const markOf = ({ x, first, last, restart }: Group, field: Field): Mark => {
  const text = first === last ? String(first) : `${first}–${last}`
  const half = 5 + 3.6 * text.length
  const middle = Math.min(field.right - half + 6, Math.max(field.left + half - 6, x))
  return { x, text, middle, half, restart }
}
