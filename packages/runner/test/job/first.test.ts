import { expect, test } from 'vitest'
import { action, start } from './rig.ts'

test('first', async () => {
  const act = action({
    'action.yml': `name: a
description: a
inputs: { who-is: { default: "\${{ github.repository }}" }, "two words": { required: true } }
outputs: { x: { description: x } }
runs: { using: node24, main: main.mjs, post: post.mjs }
`,
    'main.mjs': `import { appendFileSync } from 'node:fs'
console.log('main', process.env['INPUT_WHO-IS'], process.env.INPUT_TWO_WORDS, process.env.GITHUB_ACTION_REPOSITORY)
appendFileSync(process.env.GITHUB_OUTPUT, 'x=1\\n'); appendFileSync(process.env.GITHUB_STATE, 'a=b\\n')`,
    'post.mjs': `console.log('post', process.env.STATE_a)`,
  })
  const started = start(
    `
env: { A: job }
outputs: { o: "\${{ steps.s.outputs.v }}-\${{ steps.n.outputs.x }}" }
steps:
  - id: s
    run: echo "v=$A-$GITHUB_JOB" >> "$GITHUB_OUTPUT"; echo hi; pwd
  - id: n
    uses: octo/actions@v1
    with: { two words: "\${{ steps.s.outputs.v }}" }
  - uses: actions/checkout@v4
  - run: ls -a; git log --oneline; git status; env | sort
`,
    { actions: { 'octo/actions@v1': act }, files: { 'a.txt': 'hello' } },
  )
  const done = await started.done
  expect(done.conclusion).toBe('success')
  expect(done.outputs).toEqual({ o: 'job-it-1' })
})
