import { lacking, programs } from './programs.ts'

/** Gets every program that the tests of this folder need, or says what keeps them from running here: they are then skipped, each by itself. */
const reasons = lacking()
for (const reason of reasons) console.log(`skip images built and pushed for real: ${reason}`)
if (reasons.length === 0) programs()
