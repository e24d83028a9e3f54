import { lacking } from './programs.ts'

/** Says what keeps the tests of this folder from running here, and ends with 1 when something does. They are then skipped, each by itself. */
const reasons = lacking()
for (const reason of reasons) console.log(`skip images built and pushed for real: ${reason}`)
process.exitCode = reasons.length === 0 ? 0 : 1
