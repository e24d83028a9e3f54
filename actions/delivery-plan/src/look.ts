/**
 * What was seen of one environment. `found`: `reviewers` the people and teams of whom one must approve, `waitMinutes` the wait timer, `apps` other
 * systems that decide, `branches` which may use it. `absent`: the token may list the environments, and this is none of them. `unknown`: it could not be asked, and `why`,
 * a clause.
 */
export type Look =
  | {
      readonly kind: 'found'
      readonly reviewers: number
      readonly waitMinutes: number
      readonly apps: number
      readonly branches: 'any' | 'protected' | 'custom'
    }
  | { readonly kind: 'absent' }
  | { readonly kind: 'unknown'; readonly why: string }

/** What an environment is for in the plan. */
export type Purpose = 'staging' | 'approval' | 'production' | 'recovery'

/** One environment of the plan, and what was seen of it. */
export type Seen = { readonly name: string; readonly purpose: Purpose; readonly look: Look }
