import type { RouteAcceptance, RouteChange, RouteReading, Router } from '../src/router.ts'

/** What is asked for and whether it is taken, in one: most tests look at both. */
export const readBack = async (
  router: Router,
  changes: readonly RouteChange[],
): Promise<RouteReading & RouteAcceptance> => ({
  ...(await router.verify(changes)),
  ...(await router.current(changes)),
})
