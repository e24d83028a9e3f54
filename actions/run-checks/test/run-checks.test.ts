import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { actionAt, type Ran, type RunOptions } from '../../../test/action.ts'

const runAction = actionAt(join(import.meta.dirname, '..'))
const schema = JSON.parse(readFileSync(join(import.meta.dirname, '../report.schema.json'), 'utf8'))
const isReport = new Ajv2020({ allErrors: true }).compile(schema)
/** A process starts in a second, on a busy machine in ten. */
const PATIENT = { timeout: 120_000, concurrent: true }

let folder: string
let files = 0
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-run-checks-'))
  mkdirSync(join(folder, 'app/web'), { recursive: true })
})
afterAll(() => rmSync(folder, { recursive: true }))

/** Runs checks of a service in the folder `app`. */
const checks = async (list: string, inputs: Record<string, string> = {}, rest: RunOptions = {}): Promise<Ran> => {
  const text = `version: 1\nservices:\n  shop:\n    image: registry.example/shop\n    folder: app\n    checks:${list}\n`
  const file = `sluice-${files++}.yml`
  writeFileSync(join(folder, file), text)
  const ran = await runAction({ file, ...inputs }, { cwd: folder, ...rest })
  if (!isReport(ran.report)) throw new Error(JSON.stringify(isReport.errors))
  return ran
}

const isAlive = (pid: string): boolean => {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

describe('checks', PATIENT, () => {
  it('run as a step of bash does, in their folders, all of them though one fails', async () => {
    const ran = await checks(
      `
      - { name: first, run: 'echo "in \${PWD##*/} with $LOG"', env: { LOG: debug } }
      - name: pipe
        run: |
          false | true
          echo never said
      - { name: errexit, run: "ls /nowhere/at-all\\necho never said" }
      - { name: inner, run: 'echo "in \${PWD##*/}"', folder: web }
      - { name: gone, run: 'true', folder: nowhere }
      - { name: zero, run: 'true', env: { A: "a\\0b" } }
      - { name: absent, run: no-such-command-anywhere }`,
      {},
      { env: { LOG: 'info' } },
    )
    expect(ran).toMatchObject({
      code: 1,
      outputs: { verdict: 'fail', 'reason-code': 'check-failed', failed: 'pipe,errexit,gone,zero,absent' },
    })
    expect(ran.log).toContain('\nin app with debug\n')
    expect(ran.log).toContain('\nin web\n')
    expect(ran.log).not.toMatch(/^never said$/m)
    expect(ran.log).toContain('::group::first\n')
    expect(ran.log).toMatch(/::endgroup::\n✅ first: passed \(\d+ ms\)\n/)
    expect(ran.log).toMatch(/❌ pipe: exit code 1 \(\d+ ms\)\n/)
    expect(ran.log).toMatch(/❌ absent: exit code 127 \(a command was not found/)
    expect(ran.log.match(/^::error title=failed::errexit: exit code 2%0A.*\/nowhere\/at-all/m)).not.toBeNull()
    expect(ran.summary).toMatch(/^### ❌ Checks: fail\n/)
    expect(ran.summary).toContain('| gone | ❌ not-started |')
    expect(ran.report.details.checks.map(({ result }: { result: string }) => result)).toEqual([
      'passed',
      'failed',
      'failed',
      'passed',
      'not-started',
      'not-started',
      'failed',
    ])
  })

  it('leave nothing of theirs behind, pass when all do, and see none of what is for actions only', async () => {
    const ran = await checks(
      `
      - name: env
        run: |
          env | cut -d= -f1 | grep -E '^(INPUT_|ACTIONS_)' && exit 3
          test "$GITHUB_RUN_ID" = 42
          # what runs on holds the pipe open
          sleep 300 &
          echo "left $!"`,
      { only: 'env' },
      { env: { ACTIONS_RUNTIME_TOKEN: 'x', ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'y', RUNNER_TEMP: folder } },
    )
    expect(ran).toMatchObject({ code: 0, outputs: { verdict: 'pass', 'reason-code': 'passed', failed: '' } })
    const left = /^left (\d+)$/m.exec(ran.log)?.[1] ?? ''
    expect(left).not.toBe('')
    expect(isAlive(left)).toBe(false)
    expect(readdirSync(folder).filter((name) => name.startsWith('sluice-checks-'))).toEqual([])
  })

  it('annotate as ever, and cannot speak for the action', async () => {
    const ran = await checks(
      `
      - name: forger
        run: |
          echo '::error file=app/a.ts,line=3::wrong type'
          printf 'progress\\r::set-output name=verdict::pass\\n'
          echo '##[set-output name=failed]nothing'
          echo '::stop-commands::never-again'
          printf 'verdict=pass\\nfailed=none\\n' >> "$GITHUB_OUTPUT"
          printf 'x=y\\n' | tee "$GITHUB_STATE" "$GITHUB_ENV" "$GITHUB_PATH" > /dev/null
          echo '### Verdict: pass, says the check' > "$GITHUB_STEP_SUMMARY"
          echo "the word is $DEPLOY_TOKEN" >&2
          exit 7`,
      {},
      {
        env: { DEPLOY_TOKEN: 'open-sesame', GITHUB_STATE: '/nowhere', GITHUB_ENV: '/nowhere', GITHUB_PATH: '/nowhere' },
      },
    )
    expect(ran.outputs).toMatchObject({ verdict: 'fail', failed: 'forger' })
    expect(ran.log).toMatch(/^::error file=app\/a\.ts,line=3::wrong type$/m)
    // The runner reads the older form only where a line is not of the newer one, as an annotation is.
    expect(ran.log).not.toMatch(/^\s*::(set-output|stop-commands)|^(?!::error).*##\[set-output/m)
    expect(ran.summary).toMatch(/^### ❌ Checks: fail/)
    expect(ran.summary.indexOf('says the check')).toBeGreaterThan(ran.summary.indexOf('#### Written by forger'))
    for (const told of [ran.summary, JSON.stringify(ran.report)]) {
      expect(told).toContain('the word is ***')
      expect(told).not.toContain('open-sesame')
    }
    // The log is the runner's to mask; what this action adds to it is not.
    expect(ran.log.match(/^::error title=failed::.*$/m)?.[0]).not.toContain('open-sesame')
  })

  it('are ended with all they started when their time is up', async () => {
    const ran = await checks(`
      - name: hangs
        timeout: 500ms
        run: |
          trap '' INT
          (trap '' TERM; echo "stubborn $BASHPID"; while true; do sleep 0.1; done) &
          wait
      - { name: after, run: 'true' }`)
    expect(ran.outputs).toMatchObject({ verdict: 'fail', 'reason-code': 'timed-out', failed: 'hangs' })
    expect(ran.report.details.checks[0]).toMatchObject({
      result: 'timed-out',
      text: expect.stringContaining('longer than 500 ms'),
    })
    expect(ran.report.details.checks[0].tookMs).toBeLessThan(20_000)
    expect(ran.report.details.checks[1]).toMatchObject({ result: 'passed' })
    expect(isAlive(/^stubborn (\d+)$/m.exec(ran.log)?.[1] ?? '1')).toBe(false)
  })

  it.each([
    ['SIGINT', 'that heeds nothing', "trap '' INT TERM"],
    ['SIGTERM', 'that heeds it', 'true'],
  ] as const)('are ended within 5 s of a %s, one %s too, and no other is begun', async (signal, _, script) => {
    let kill: (signal: NodeJS.Signals) => void = () => {}
    const marker = join(folder, `began-${signal}`)
    const ran = await checks(
      `
      - name: long
        run: |
          ${script}
          echo "runs as $$"
          while true; do sleep 0.1; done
      - { name: next, run: 'touch ${marker}' }`,
      {},
      {
        started: (way) => {
          kill = way
        },
        seen: (log) => {
          if (/^runs as \d+$/m.test(log)) kill(signal)
        },
      },
    )
    expect(ran).toMatchObject({ code: 1, outputs: { verdict: 'error', 'reason-code': 'cancelled', failed: '' } })
    expect(ran.afterSignalMs).toBeLessThan(5000)
    expect(existsSync(marker)).toBe(false)
    expect(isAlive(/^runs as (\d+)$/m.exec(ran.log)?.[1] ?? '1')).toBe(false)
    expect(ran.report.details.checks.map(({ result }: { result: string }) => result)).toEqual(['cancelled', 'not-run'])
  })

  it('that a service does not have are nothing to check, green unless told otherwise', async () => {
    expect(await checks(' []')).toMatchObject({ code: 0, outputs: { verdict: 'nothing-to-check', failed: '' } })
    const strict = await checks(' []', { 'on-nothing-to-check': 'fail' })
    expect(strict).toMatchObject({ code: 1, outputs: { verdict: 'nothing-to-check' } })
  })

  it('that are not in the file, and a file that is wrong, are told before anything runs', async () => {
    const list = "\n      - { name: types, run: 'touch ran' }"
    const cases = [
      [list, { only: 'tpyes' }, 'unknown check "tpyes"; did you mean "types"?'],
      [list, { service: 'shpo' }, 'did you mean "shop"?'],
      [list, { file: 'other.yml' }, 'file: other.yml does not exist in'],
      [list, { file: 'app' }, 'file: app cannot be read'],
      ["\n      - { name: types, rnu: 'x' }", {}, '.yml:7:24: '],
      [list, { 'on-nothing-to-check': 'maybe' }, 'on-nothing-to-check unknown value "maybe"'],
    ] as const
    for (const [text, inputs, message] of cases) {
      const ran = await checks(text, inputs)
      expect(ran).toMatchObject({ code: 1, outputs: { verdict: 'error', 'reason-code': 'input-fault' } })
      expect(ran.summary).toContain(message)
    }
    expect(existsSync(join(folder, 'app/ran'))).toBe(false)
  })

  it('that say far more than the log takes at once wait for it, and the end of the log is not lost', async () => {
    const ran = await checks(`
      - { name: chatty, run: "yes 'a line of a log like any other' | head -c 6000000; exit 1" }`)
    expect(ran.log.length).toBeGreaterThan(6_000_000)
    expect(ran.log.slice(-1000)).toMatch(/^::error title=check-failed::1 of 1 check failed: chatty/m)
    expect(ran.outputs).toMatchObject({ verdict: 'fail', failed: 'chatty' })
  })

  it('may tidy up too much, or put anything in the place of their summary, and are told all the same', async () => {
    const ran = await checks(`
      - { name: wiper, run: 'rm -rf "$RUNNER_TEMP"/sluice-checks-*; exit 1' }
      - { name: pipe, run: 'rm "$GITHUB_STEP_SUMMARY" && mkfifo "$GITHUB_STEP_SUMMARY"' }
      - { name: link, run: 'ln -sf /proc/self/environ "$GITHUB_STEP_SUMMARY"' }
      - { name: folder, run: 'rm "$GITHUB_STEP_SUMMARY" && mkdir "$GITHUB_STEP_SUMMARY"' }
      - { name: last, run: 'echo "### fine" > "$GITHUB_STEP_SUMMARY"' }`)
    expect(ran.outputs).toMatchObject({ verdict: 'fail', 'reason-code': 'check-failed', failed: 'wiper' })
    expect([...ran.summary.matchAll(/^#### Written by (.*)$/gm)].map(([, name]) => name)).toEqual(['last'])
  })

  it('can start no command of the runner by the names of their folders', async () => {
    const odd = 'x##[set-output name=report]y'
    mkdirSync(join(folder, 'app', odd))
    const ran = await checks(`
      - { name: there, run: 'echo ran in it', folder: '${odd}' }
      - { name: gone, run: 'true', folder: 'gone##[add-mask]pass' }`)
    expect(ran.log).toContain('\nran in it\n')
    expect(ran.log).not.toMatch(/^(?!::error).*##\[/m)
  })

  it('of a file that is not UTF-8 are not run as something else than was written', async () => {
    const text = "version: 1\nservices: { shop: { image: shop, checks: [{ name: a, run: 'echo größe' }] } }\n"
    writeFileSync(join(folder, 'latin.yml'), Buffer.from(text, 'latin1'))
    const ran = await runAction({ file: 'latin.yml' }, { cwd: folder })
    expect(ran.outputs).toMatchObject({ verdict: 'error', 'reason-code': 'input-fault' })
    expect(ran.summary).toContain('file: latin.yml is not UTF-8 text')
  })

  it('of a file that is a pipe are not waited for', async () => {
    execFileSync('mkfifo', [join(folder, 'pipe.yml')])
    const ran = await runAction({ file: 'pipe.yml' }, { cwd: folder })
    expect(ran.outputs).toMatchObject({ verdict: 'error', 'reason-code': 'input-fault' })
    expect(ran.summary).toContain('file: pipe.yml cannot be read: it is not a file')
  })

  it('need bash, and say so', async () => {
    const ran = await checks("\n      - { name: types, run: 'true' }", {}, { env: { PATH: '/nowhere' } })
    expect(ran.outputs).toMatchObject({ verdict: 'error', 'reason-code': 'input-fault' })
    expect(ran.summary).toContain('There is no bash in PATH (/nowhere)')
  })
})
