import { stringify } from 'yaml'
import { readSluiceFile, type SluiceFile } from '../src/file.ts'

/** A small sluice.yml as a value, for tests to change. */
export const SMALL = {
  version: 1,
  services: {
    shop: {
      image: 'ghcr.io/acme/shop',
      deploy: {
        staging: { namespace: 'shop-staging', manifests: 'manifests/staging' },
        production: { namespace: 'shop', manifests: 'manifests/production' },
      },
    },
  },
  environments: { staging: { role: 'staging' }, production: { role: 'production' } },
}

/** What changes of a document: maps are merged, everything else replaced, `undefined` takes a key away. */
export type Change = { readonly [key: string]: unknown }

/** A document with a change. */
export const changed = (document: Change, change: Change): Change =>
  Object.fromEntries(
    Object.entries({ ...document, ...change })
      .map(([key, value]) => [
        key,
        isMap(value) && isMap(document[key]) && key in change ? changed(document[key], value) : value,
      ])
      .filter(([, value]) => value !== undefined),
  )

/** `SMALL` with a change, read as sluice.yml. */
export const fileOf = (change: Change = {}): SluiceFile =>
  readSluiceFile(stringify(changed(SMALL, change)), 'sluice.yml')

const isMap = (value: unknown): value is Change => typeof value === 'object' && value !== null && !Array.isArray(value)
