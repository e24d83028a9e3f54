import { type Field, r } from './figure.ts'

/** A value at a time, ms; `undefined` where there is none, which breaks a curve. */
export type Point = { readonly at: number; readonly value: number | undefined }

/** The path of a curve through points in the order of time. */
export const line = (field: Field, points: readonly Point[]): string =>
  runs(points)
    .map((run) =>
      run.map(({ at, value }, index) => `${index === 0 ? 'M' : 'L'}${r(field.x(at))} ${r(field.y(value))}`).join(''),
    )
    .join('')

/** The outline of a band between two curves with the same times. */
export const band = (field: Field, low: readonly Point[], high: readonly Point[]): string => {
  const [below, above] = [runs(low), runs(high)]
  return above
    .map((run, index) => {
      const back = [...(below[index] ?? [])].reverse()
      return `M${[...run, ...back].map(({ at, value }) => `${r(field.x(at))} ${r(field.y(value))}`).join('L')}Z`
    })
    .join('')
}

/** The path of what holds from one time to the next: a line with steps, until `until`. */
export const stairs = (
  field: Field,
  points: readonly { readonly at: number; readonly value: number }[],
  until: number,
): string => {
  const [first, ...rest] = points
  if (first === undefined) return ''
  const steps = rest.map(({ at, value }) => `H${r(field.x(at))}V${r(field.y(value))}`).join('')
  return `M${r(field.x(first.at))} ${r(field.y(first.value))}${steps}H${r(field.x(until))}`
}

/** Points that look the same in a chart of so many columns: of each column the first, the lowest, the highest and the last. */
export const thinned = (points: readonly Point[], columns: number): readonly Point[] => {
  const [first, last] = [points[0], points.at(-1)]
  if (first === undefined || last === undefined || points.length <= 4 * columns) return points
  const width = (last.at - first.at) / columns
  const byColumn = Map.groupBy(points, ({ at }) => Math.min(columns - 1, Math.floor((at - first.at) / width)))
  return [...byColumn.values()].flatMap((column) => {
    const ranked = column.filter(({ value }) => value !== undefined).sort((a, b) => (a.value ?? 0) - (b.value ?? 0))
    const kept = new Set([
      column[0],
      ranked[0],
      ranked.at(-1),
      column.at(-1),
      column.find(({ value }) => value === undefined),
    ])
    return column.filter((point) => kept.has(point))
  })
}

type Known = { readonly at: number; readonly value: number }

const runs = (points: readonly Point[]): readonly (readonly Known[])[] => {
  const found: Known[][] = [[]]
  for (const { at, value } of points) {
    if (value === undefined) found.push([])
    else found.at(-1)?.push({ at, value })
  }
  return found.filter((run) => run.length > 0)
}
