import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import type { Tool } from './scenes.ts'

/** An object as a settings file has it, and its collection's path below a namespace. */
export type Manifest = {
  readonly collection: string
  readonly object: { readonly kind: string; readonly metadata: { readonly name: string } }
}

/** What stands for what in a settings file: `$NAMESPACE`, `$HOST`, `$STABLE` and `$PROMETHEUS`. */
export type Values = Readonly<Record<'NAMESPACE' | 'HOST' | 'STABLE' | 'PROMETHEUS', string>>

/** The settings of each tool, in full: what a user would apply. Of two objects with one kind and name, the later file's counts. */
export const SETTINGS: Readonly<Record<Tool, readonly string[]>> = {
  sluice: ['sluice.yaml'],
  'argo-rollouts': ['argo-rollouts.yaml'],
  'argo-rollouts-nervous': ['argo-rollouts.yaml', 'argo-rollouts-nervous.yaml'],
  flagger: ['flagger.yaml'],
}

/** The plan that this project's action gets. */
export const PLAN = 'sluice-plan.yaml'

/** The text of a settings file. */
export const settingsText = (file: string): string => readFileSync(join(import.meta.dirname, 'settings', file), 'utf8')

/** The objects of some settings files with their values put in, in the order of the files. @throws Error for YAML that is none, and a value nobody knows */
export const manifestsOf = (files: readonly string[], values: Values): readonly Manifest[] => {
  const found = new Map<string, Manifest>()
  for (const file of files) {
    for (const document of parseAllDocuments(filled(settingsText(file), values))) {
      if (document.errors[0] !== undefined) throw new Error(`settings/${file}: ${document.errors[0].message}`)
      const object = document.toJS() as Manifest['object'] & { readonly apiVersion: string }
      found.set(`${object.kind}/${object.metadata.name}`, { collection: collectionOf(object), object })
    }
  }
  return [...found.values()]
}

const filled = (text: string, values: Values): string =>
  text.replaceAll(/\$([A-Z]+)/g, (_, name: string) => {
    const value = (values as Readonly<Record<string, string>>)[name]
    if (value === undefined) throw new Error(`a settings file asks for $${name}`)
    return value
  })

const collectionOf = ({ apiVersion, kind }: { readonly apiVersion: string; readonly kind: string }): string => {
  const plural = kind.toLowerCase().replace(/([^aeiou])y$/, '$1ie')
  return `/${apiVersion.includes('/') ? 'apis' : 'api'}/${apiVersion}/${plural}s`
}
