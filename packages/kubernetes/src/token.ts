/**
 * When a JWT says that it ends, ms UTC; `undefined` for a token that is no JWT or says nothing of it. Only `exp` is read, and no signature is checked:
 * that is the API server's part. Source: RFC 7519, section 4.1.4.
 */
export const tokenEnd = (token: string | undefined): number | undefined => {
  const payload = token?.split('.')[1]
  if (payload === undefined) return undefined
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'))
    if (typeof claims !== 'object' || claims === null || !('exp' in claims)) return undefined
    const end = typeof claims.exp === 'number' ? claims.exp * 1000 : Number.NaN
    // A time that no Date can hold would break whoever wants to show it.
    return Math.abs(end) <= 8.64e15 ? end : undefined
  } catch {
    return undefined
  }
}
