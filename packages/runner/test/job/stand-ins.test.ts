import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { Source } from '../../src/execution.ts'
import { start } from './rig.ts'

const made: string[] = []
afterAll(() => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true })
})

const standIn = (name: string): Source => ({
  kind: 'folder',
  folder: join(import.meta.dirname, '../../stand-ins', name),
  repository: 'owner/action',
  ref: 'v4',
  sha: '0'.repeat(40),
})
const actions = {
  'builder@v4': standIn('docker/setup-buildx-action'),
  'attest@v4': standIn('attest'),
  'sarif@v4': standIn('github/codeql-action/upload-sarif'),
}

/** Runs steps one after the other. @param docker a script that stands where docker would, and nothing else but the shell's own programs */
const ran = async (steps: readonly string[], docker = '') => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-stand-ins-'))
  made.push(folder)
  if (docker !== '') {
    writeFileSync(join(folder, 'docker'), `#!/bin/sh\n${docker}\n`)
    chmodSync(join(folder, 'docker'), 0o755)
  }
  const yaml = `steps:\n${steps.map((step) => `  - ${step.replace(/uses: (\w+)/, 'uses: a/$1@v4')}`).join('\n')}`
  const started = start(yaml, {
    actions: Object.fromEntries(Object.entries(actions).map(([name, source]) => [`a/${name}`, source])),
    env: { PATH: `${folder}:${dirname(process.execPath)}:/usr/bin:/bin` },
  })
  const done = await started.done
  return { ...done, said: started.said.join('\n'), ends: done.steps.map(({ outcome }) => outcome) }
}

const INSPECTED = `[ "$*" = "buildx inspect --bootstrap" ] || exit 9
cat <<END
Name:          here
Driver:        remote
Last Activity: 2026-11-22 07:00:00 +0000 UTC

Nodes:
Name:             here0
Endpoint:         unix:///run/buildkit.sock
Status:           running
Platforms:        linux/amd64*, linux/386
END`

describe.concurrent('a stand-in', () => {
  test('for a builder takes the current one, and says that none is made', async () => {
    const done = await ran(
      [
        '{ id: b, uses: builder }',
        `run: 'echo "> \${{ steps.b.outputs.name }} \${{ steps.b.outputs.driver }} \${{ steps.b.outputs.platforms }}"'`,
      ],
      INSPECTED,
    )
    expect(done.annotations).toEqual([])
    expect(done.said).toContain('> here remote linux/amd64,linux/386')
    expect(done.said).toContain('Takes the builder "here" of this machine')
  })

  test('for a builder fails where there is none, and says what docker said', async () => {
    const done = await ran(['{ uses: builder }'], 'echo "ERROR: no builder \\"gone\\" found" >&2; exit 1')
    expect(done.ends).toEqual(['failure'])
    expect(done.annotations.map(({ text }) => text)).toEqual([
      'This machine has no builder that docker buildx can use: ERROR: no builder "gone" found',
    ])
  })

  test('for an attestation signs nothing, says what it would sign, and wants a subject', async () => {
    const digest = `sha256:${'a'.repeat(64)}`
    const good = await ran([`{ uses: attest, with: { subject-name: ghcr.io/acme/shop, subject-digest: "${digest}" } }`])
    expect(good.annotations).toMatchObject([
      { level: 'notice', text: expect.stringContaining(`ghcr.io/acme/shop@${digest}`) },
    ])
    expect((await ran(['{ uses: attest }'])).ends).toEqual(['failure'])
  })

  test('for code scanning uploads nothing, and fails where the file is not there', async () => {
    const file = "run: 'echo {} > a.sarif'"
    const good = await ran([file, '{ uses: sarif, with: { sarif_file: a.sarif, category: image } }'])
    expect(good.ends).toEqual(['success', 'success'])
    expect(good.said).toContain('a.sarif is uploaded nowhere')
    expect((await ran(['{ uses: sarif, with: { sarif_file: b.sarif } }'])).ends).toEqual(['failure'])
  })
})
