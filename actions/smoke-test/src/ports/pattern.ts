import { createContext, Script } from 'node:vm'
import type { Match } from '../pattern.ts'

// Far more than any sane pattern needs on the largest body, and short enough to keep a deadline and a cancellation.
const MOST_MS = 1000

const TEST = new Script('new RegExp(source, "u").test(text)')

/** Matches within a time. @param mostMs ms after which a pattern is given up */
export const boundedMatch =
  (mostMs: number = MOST_MS): Match =>
  (source, text) => {
    try {
      return TEST.runInContext(createContext({ source, text }), { timeout: mostMs }) === true
    } catch (thrown) {
      if ((thrown as { code?: unknown }).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return 'too-slow'
      throw thrown
    }
  }
