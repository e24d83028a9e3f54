import { appendFileSync } from 'node:fs'

if (process.env.STATE_begun) console.log(`RESULT post with ${process.env.STATE_begun}`)
else {
  appendFileSync(process.env.GITHUB_STATE, 'begun=state\n')
  appendFileSync(process.env.GITHUB_OUTPUT, `counted=${process.env.INPUT_TEXT.length} ${process.env.INPUT_UNIT}\n`)
  appendFileSync(process.env.GITHUB_ENV, 'FROM_ACTION=yes\n')
  appendFileSync(process.env.GITHUB_STEP_SUMMARY, 'counted\n')
}
