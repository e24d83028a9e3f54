export const nodeOf: (root: string) => string
export const isInstalled: (root: string) => boolean
export const installOnce: (root: string, install: () => boolean) => 'there' | 'installed'
