/** One reading and one verdict in a process of its own: `node one.ts REPORT`, a line of JSON on stdout. */
import { readNamed } from '../../../actions/trivy-gate/src/ports/files.ts'
import { readReport } from '../../../actions/trivy-gate/src/read-report.ts'
import { judge } from '../../../actions/trivy-gate/src/verdict.ts'
import { SETTINGS } from './settings.ts'

const began = performance.now()
const read = readReport(readNamed('report', process.argv[2] ?? ''))
if ('problem' in read) throw new Error(read.problem)
const wasRead = performance.now()
const gate = judge(read.scan, SETTINGS, new Date('2026-06-15T12:00:00Z'))
const judged = performance.now()
console.log(
  JSON.stringify({
    findings: gate.judged.length,
    verdict: gate.verdict,
    readMs: Math.round(wasRead - began),
    judgeMs: Math.round(judged - wasRead),
    // Node gives the most of the process in KiB.
    peakBytes: process.resourceUsage().maxRSS * 1024,
  }),
)
