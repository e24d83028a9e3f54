import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { type Callers, callersOf, GRANTED } from '../src/rehearsal/callers.ts'

const wanted = { service: 'shop', branch: 'main', publisher: 'acme/sluice', builds: false, packaged: false }
const DIGEST = `\${{ needs.package.outputs.digest }}`
const DELIVER = '.github/workflows/deliver.yml'
const whole = `name: Ours
on: { push: { branches: [trunk] } }
jobs:
  package: { uses: ./.github/workflows/package.yml }
  ship:
    needs: package
    uses: someone/mirror/.github/workflows/deliver.yml@abc
    with: { digest: "\${{ needs.package.outputs.digest }}", service: shop }
    secrets: inherit
`
const mixed = `name: All
on: { push: { branches: [main] } }
jobs:
  build: { runs-on: ubuntu-latest, steps: [{ run: docker push }] }
  ship:
    needs: [build, scan]
    if: github.actor != 'bot'
    permissions: { contents: read }
    uses: someone/mirror/.github/workflows/deliver.yml@v1
    with: { digest: "\${{ needs.build.outputs.digest }}", runs-on: '"big"' }
    secrets: inherit
`
const building = `on: { push: { branches: [main] } }
jobs:
  ship: { uses: someone/mirror/.github/workflows/deliver.yml@v1, secrets: inherit }
`
const jobs = ({ files }: Callers, path: string) => parse(files[path] ?? '').jobs

describe('the workflows of a rehearsal', () => {
  test('keep a file of nothing but the delivery and a packaging job as it is, byte for byte, and its branch', () => {
    const callers = callersOf({ '.github/workflows/ours.yml': whole }, wanted)
    expect(callers).toMatchObject({ deliver: 'ours.yml', branch: 'trunk', publisher: 'someone/mirror', advice: '' })
    expect(callers.files['.github/workflows/ours.yml']).toBe(whole)
  })

  test('take from any other file the job that delivers, and nothing that could reach a registry', () => {
    const callers = callersOf({ '.github/workflows/all.yml': mixed }, wanted)
    expect(JSON.stringify(callers.files)).not.toContain('docker')
    expect(jobs(callers, '.github/workflows/all.yml')).toEqual({
      package: { permissions: { contents: 'read' }, uses: './.github/workflows/package.yml' },
      deliver: {
        needs: 'package',
        permissions: { contents: 'read' },
        uses: 'someone/mirror/.github/workflows/deliver.yml@v1',
        with: { digest: `\${{ needs.package.outputs.digest }}`, 'runs-on': '"big"' },
        secrets: 'inherit',
      },
    })
    expect(jobs(callers, '.github/workflows/reap.yml').reap).toMatchObject({
      uses: 'someone/mirror/.github/workflows/reap.yml@v1',
      with: { 'runs-on': '"big"' },
    })
  })

  test('are written where there are none, and given as what to add', () => {
    const callers = callersOf({ '.github/workflows/broken.yml': 'a: [' }, wanted)
    const { deliver } = jobs(callers, DELIVER)
    expect(deliver).toMatchObject({ uses: 'acme/sluice/.github/workflows/deliver.yml@v1', with: { service: 'shop' } })
    expect(parse(callers.advice).jobs.deliver).toEqual(deliver)
  })

  test('grant what the page of deliver.yml says a caller must', () => {
    const page = readFileSync(join(import.meta.dirname, '../../../reusable-workflows/deliver.md'), 'utf8')
    const [, block = ''] = /<!-- permissions -->\n```yaml\n([^`]+)```/.exec(page) ?? []
    expect(parse(block)).toEqual({ permissions: GRANTED })
  })

  test('give a digest to a caller that has none, since nothing is built', () => {
    const callers = callersOf({ '.github/workflows/ours.yml': building }, wanted)
    expect(jobs(callers, '.github/workflows/ours.yml').deliver).toMatchObject({
      needs: 'package',
      with: { digest: DIGEST },
    })
    expect(callers.said.join(' ')).toContain('takes a prebuilt image: no image is built')
  })

  test('build in deliver.yml where they are to: no digest, no packaging job, and what says just that stays as it is', () => {
    const builds = { ...wanted, builds: true }
    const taken = callersOf({ '.github/workflows/ours.yml': whole }, builds)
    expect(jobs(taken, '.github/workflows/ours.yml')).toEqual({
      deliver: {
        uses: 'someone/mirror/.github/workflows/deliver.yml@abc',
        with: { service: 'shop' },
        secrets: 'inherit',
      },
    })
    expect(Object.keys(taken.files)).not.toContain('.github/workflows/package.yml')
    const kept = callersOf({ '.github/workflows/ours.yml': building }, builds)
    expect(kept.files['.github/workflows/ours.yml']).toBe(building)
  })

  test('advise no job for the image where sluice.yml says how it is built', () => {
    const { advice } = callersOf({}, { ...wanted, packaged: true })
    expect(parse(advice).jobs).toEqual({
      deliver: {
        permissions: GRANTED,
        uses: 'acme/sluice/.github/workflows/deliver.yml@v1',
        with: { service: 'shop' },
        secrets: 'inherit',
      },
    })
  })

  test('always say a digest without building anything', () => {
    const callers = callersOf({}, wanted)
    const { steps } = jobs(callers, '.github/workflows/package.yml').package
    expect(steps.map(({ uses, run }: { uses?: string; run?: string }) => uses ?? run)).toEqual([
      'actions/checkout@v7',
      'echo "digest=$(cat .sluice-rehearsal/digest)" >> "$GITHUB_OUTPUT"',
    ])
  })
})
