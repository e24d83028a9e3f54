import type { Json, Ref, Touched } from '@sluice/release/record'

/** A value that is JSON by its type's making, as the record stores it. */
export const json = (value: unknown): Json => value as Json

/** The inventory with one object's UID filled in; the same array when it was there. */
export const withUid = (touched: readonly Touched[], role: Touched['role'], uid: string): readonly Touched[] =>
  touched.some((each) => each.role === role && !('uid' in each.ref && each.ref.uid === uid))
    ? touched.map((each) => (each.role === role ? { ...each, ref: { ...each.ref, uid } } : each))
    : touched

/** The inventory's entry of a role. */
export const entryOf = (touched: readonly Touched[], role: Touched['role']): Touched | undefined =>
  touched.find((each) => each.role === role)

/** The UID that the inventory knows; `undefined` for an object that was intended and, as far as was saved, not made. */
export const uidOf = (entry: Touched | undefined): string | undefined =>
  entry !== undefined && 'uid' in entry.ref ? (entry.ref as Ref).uid : undefined
