/** How long one decision of the judge takes: `npm run bench:decision`. */
import { decisionTime } from './judges/speed.ts'
import { machine } from './spread.ts'

const { text, median } = decisionTime()
console.log(
  `On ${machine()}\n${median < 50 ? 'ok' : 'SLOW'} one decision over 20 metrics after 1,000 intervals: ${text}; limit 50 ms`,
)
if (!(median < 50)) process.exitCode = 1
