/** What is kept under a name, and not what every object has under it: a metric may be called `constructor`. */
export const own = <T>(record: { readonly [name: string]: T } | undefined, name: string): T | undefined =>
  record !== undefined && Object.hasOwn(record, name) ? record[name] : undefined
