/** What is released: the content of release.json. `commit` is empty where the run has none. */
export type Release = {
  readonly service: string
  readonly repository: string
  readonly digest: string
  readonly commit: string
}

/** release.json, always the same bytes for the same release, so that its hash can be compared. */
export const releaseText = ({ service, repository, digest, commit }: Release): string =>
  `${JSON.stringify({ service, repository, digest, commit }, null, 2)}\n`
