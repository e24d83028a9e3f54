/** One thing that is wrong in a file, in GitHub's words where GitHub says it. Lines and columns count from 1. */
export type Problem = { readonly line: number; readonly column: number; readonly text: string }
