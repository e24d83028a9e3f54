/** Where a value stands in a workflow file. Lines and columns count from 1. */
export type Place = { readonly file: string; readonly line: number; readonly column: number }

/** A value of a workflow file that may hold expressions, as GitHub's parser gives it: text with several of them is already one `format(…)`. */
export type Template =
  | { readonly kind: 'literal'; readonly value: string | number | boolean | null; readonly at: Place }
  | { readonly kind: 'expression'; readonly source: string; readonly at: Place }
  | { readonly kind: 'sequence'; readonly items: readonly Template[]; readonly at: Place }
  | {
      readonly kind: 'mapping'
      readonly entries: readonly { readonly key: Template; readonly value: Template }[]
      readonly at: Place
    }

/** What an expression sees and gives. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/** What an expression may read: the contexts by name, what the status functions answer here, and the files that `hashFiles` looks at. */
export type Scope = {
  readonly contexts: Readonly<Record<string, Json>>
  readonly status: {
    readonly success: boolean
    readonly failure: boolean
    readonly cancelled: boolean
  }
  /** SHA-256 (hex) over the files that match, empty when none does. */
  readonly hashFiles?: (patterns: readonly string[]) => string
}
