import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const MODULES = {
  Kubernetes: ['kubernetes', 'k8s.io/kubernetes'],
  Traefik: ['traefik', 'github.com/traefik/traefik/v3'],
  Prometheus: ['prometheus', 'github.com/prometheus/prometheus'],
  'Argo Rollouts': ['argo-rollouts', 'github.com/argoproj/argo-rollouts'],
  Flagger: ['flagger', 'github.com/fluxcd/flagger'],
} as const

/** The versions of all that takes part, as the go.mod of each names them. */
export const versionsIn = (modules: string): Readonly<Record<keyof typeof MODULES, string>> =>
  Object.fromEntries(
    Object.entries(MODULES).map(([name, [folder, module]]) => [
      name,
      versionOf(join(modules, folder, 'go.mod'), module),
    ]),
  ) as Record<keyof typeof MODULES, string>

/** @throws Error when the go.mod does not name the module */
const versionOf = (path: string, module: string): string => {
  const line = readFileSync(path, 'utf8')
    .split('\n')
    .map((each) =>
      each
        .trim()
        .replace(/^require /, '')
        .split(' '),
    )
    .find(([name]) => name === module)
  if (line?.[1] === undefined) throw new Error(`${path} names no ${module}`)
  return line[1]
}
