import type { Finding } from '@sluice/kit/report'

type More = Pick<Finding, 'where' | 'hint' | 'measured' | 'limit' | 'unit'>
/** A finding that keeps the release from beginning. */
export const refusal = (id: string, text: string, more: More = {}): Finding => ({ id, level: 'error', text, ...more })
/** A finding that the release begins with all the same. */
export const warning = (id: string, text: string, more: More = {}): Finding => ({ id, level: 'warning', text, ...more })
/** A finding to know. */
export const note = (id: string, text: string, more: More = {}): Finding => ({ id, level: 'note', text, ...more })
