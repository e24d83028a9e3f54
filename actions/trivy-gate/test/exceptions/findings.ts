import fc from 'fast-check'
import type { Found } from '../../src/found.ts'

/** A vulnerability of an npm package, with what a test wants different. */
export const vulnerability = (id: string, more: Partial<Found> = {}): Found => ({
  kind: 'vulnerability',
  id,
  severity: 'HIGH',
  title: id,
  target: 'web/package-lock.json',
  type: 'lang-pkgs/npm',
  package: { name: 'left-pad', version: '1.3.0', purl: 'pkg:npm/left-pad@1.3.0' },
  ...more,
})

/** The same in a package that is known by its package URL alone. */
export const inPackage = (id: string, purl: string): Found =>
  vulnerability(id, { package: { name: 'any', version: 'any', purl } })

/** Texts of any UTF-16 units, lone surrogates and what cannot be seen among them. */
export const anyText = fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) })
