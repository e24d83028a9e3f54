/** What was seen of one fact. `unknown`: nothing was there to look at, or GitHub would not show it; `text` says which. */
export type Look = { readonly fact: string; readonly kind: 'yes' | 'no' | 'unknown'; readonly text: string }

/** One thing that GitHub's REST API can show. `look` throws for what it cannot. */
export type Fact = { readonly fact: string; look(ask: Ask): Promise<Omit<Look, 'fact'>> }

/** Reads below `/repos/OWNER/REPOSITORY`; `undefined` for what is not there. */
export type Ask = (path: string) => Promise<unknown>

/** Where to look. `url` is the REST API's. */
export type Where = { readonly repository: string; readonly token: string; readonly url: string }

/** Looks at one fact; whatever keeps it from being seen makes it unknown, and is told. */
export const lookAt = async ({ fact, look }: Fact, where: Where): Promise<Look> => {
  try {
    return { fact, ...(await look(asking(where))) }
  } catch (error) {
    return { fact, kind: 'unknown', text: error instanceof Error ? error.message : String(error) }
  }
}

const asking =
  ({ repository, token, url }: Where): Ask =>
  async (path) => {
    const response = await fetch(`${url}/repos/${repository}/${path}`, {
      headers: {
        accept: 'application/vnd.github+json',
        authorization: `Bearer ${token}`,
        'x-github-api-version': '2022-11-28',
      },
      signal: AbortSignal.timeout(20_000),
    })
    if (response.status === 404) return undefined
    if (!response.ok) throw new Error(`GitHub answered ${response.status} for ${path}`)
    return response.json()
  }
