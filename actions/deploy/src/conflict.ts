/** Our field manager: whoever reads managedFields sees who set a field. */
export const FIELD_MANAGER = 'sluice'

/**
 * The other field managers that a server-side apply collides with, read from the API server's sentence (`conflict with "kubectl" using
 * apps/v1: .spec.replicas`); our own earlier writes by another way than apply are not others.
 * Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts
 */
export const othersIn = (text: string): readonly string[] => {
  const managers = [...text.matchAll(/conflicts? with "([^"]+)"/g)].map(([, manager = '']) => manager)
  return [...new Set(managers)].filter((manager) => manager !== FIELD_MANAGER)
}

/** Whether a conflict is with nobody but our own earlier writes, so that it may be overruled. */
export const isOnlyOurs = (text: string): boolean => /conflicts? with "/.test(text) && othersIn(text).length === 0
