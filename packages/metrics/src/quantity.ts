/**
 * A Kubernetes quantity as a number: `250m` is 0.25, `128Mi` is 134217728; `undefined` for what is none.
 * Source: k8s.io/apimachinery, pkg/api/resource (suffixes m, u, n; k, M, G, T, P, E; Ki … Ei; decimal exponents).
 */
export const quantityOf = (text: string | number | undefined): number | undefined => {
  const found = /^\s*([+-]?(?:\d+(?:\.\d*)?|\.\d+))(?:([eE][+-]?\d+)|(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]))?\s*$/.exec(
    String(text ?? ''),
  )
  if (found === null) return undefined
  const [, digits, exponent = '', suffix] = found
  return Number(`${digits}${exponent}`) * (suffix === undefined ? 1 : (SUFFIXES[suffix] ?? Number.NaN))
}

const SUFFIXES: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
}
