import type { afterAll, afterEach } from 'vitest'
import { type Real, type Site, type SiteGiven, siteOn } from './site.ts'

/**
 * Makes sites, and removes them in a hook of the file's tests.
 * @param real asked when a site is made, since the cluster is there only after `beforeAll`
 */
export const sitesUntil = (
  hook: typeof afterAll | typeof afterEach,
  real: () => Real,
): ((given?: SiteGiven) => Promise<Site>) => {
  const sites: Site[] = []
  hook(async () => {
    await Promise.all(sites.splice(0).map((made) => made.remove()))
  }, 60_000)
  return async (given) => {
    const made = await siteOn(real(), given)
    sites.push(made)
    return made
  }
}
