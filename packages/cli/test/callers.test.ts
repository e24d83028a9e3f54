import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { type Callers, callersOf } from '../src/rehearsal/callers.ts'

const wanted = { service: 'shop', branch: 'main', publisher: 'acme/sluice' }
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

  test('always say a digest without building anything', () => {
    const callers = callersOf({}, wanted)
    const { steps } = jobs(callers, '.github/workflows/package.yml').package
    expect(steps.map(({ uses, run }: { uses?: string; run?: string }) => uses ?? run)).toEqual([
      'actions/checkout@v7',
      'echo "digest=$(cat .sluice-rehearsal/digest)" >> "$GITHUB_OUTPUT"',
    ])
  })
})
