// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are templates of manifests
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { actionAt } from '../../../test/action.ts'

const runAction = actionAt(join(import.meta.dirname, '..'))

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-deploy-'))
  mkdirSync(join(folder, 'k8s'))
  mkdirSync(join(folder, 'none'))
  writeFileSync(
    join(folder, 'k8s/a.yaml'),
    'apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: shop }\nspec:\n  template:\n    spec:\n      containers: [{ name: app, image: "shop:1.2" }]\n',
  )
  writeFileSync(
    join(folder, 'k8s/b.yml'),
    'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata:\n  key: ${MISSING}\n  bad: "x\n',
  )
  writeFileSync(
    join(folder, 'unset.yaml'),
    'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata:\n  key: ${MISSING}\n',
  )
  writeFileSync(join(folder, 'empty.yaml'), '\n')
  writeFileSync(join(folder, 'latin1.yaml'), Buffer.from('metadata: { name: caf\xe9 }\n', 'latin1'))
  symlinkSync('nowhere', join(folder, 'link.yaml'))
})
afterAll(() => rmSync(folder, { recursive: true }))

describe('bad input to a deploy', { timeout: 120_000 }, () => {
  it('is told all at once, with file, line and column, before anything is sent', async () => {
    const ran = await runAction(
      {
        manifests: 'k8s\nunset.yaml\nempty.yaml\nmissing.yaml\nnone\nx/*.yaml\nlatin1.yaml\nlink.y*ml',
        values: 'USED=1\n',
        timeout: '10',
        'on-failure': 'rolback',
        image: 'shop:1.2',
        kubeconfig: 'never-read.yaml',
      },
      { cwd: folder },
    )
    expect(ran).toMatchObject({ code: 1, outputs: { verdict: 'error', 'reason-code': 'input-fault' } })
    for (const part of [
      'k8s/a.yaml:7:40: container app of Deployment/shop has an image without digest: shop:1.2',
      'k8s/b.yml:7:1: Missing closing "quote',
      'unset.yaml:5:8: ${MISSING} has no value',
      'empty.yaml:1:1: is empty',
      'manifests names a file that does not exist: missing.yaml',
      'manifests names a folder without .yaml, .yml or .json files: none',
      'manifests has a pattern that matches no .yaml, .yml or .json file: x/*.yaml',
      'manifests has a pattern that matches no .yaml, .yml or .json file: link.y*ml',
      'manifests names a file that is not UTF-8 text: latin1.yaml',
      'timeout must be a duration',
      'on-failure unknown value "rolback"; did you mean "rollback"?',
      'image must name an image by digest',
      'manifests and image are both given',
      'deployment is required with image',
    ]) {
      expect(ran.summary).toContain(part)
    }
    expect(ran.log).not.toContain('never-read')
  })

  it.each([
    ['nothing to deploy', {}, 'manifests or image is required'],
    [
      'values that fill nothing',
      { image: `a@sha256:${'a'.repeat(64)}`, deployment: 'a', values: 'A=1' },
      'values is given without manifests',
    ],
    ['what to skip', { manifests: 'k8s/a.yaml', existing: 'skip' }, 'deployment is required with existing: skip'],
    [
      'a kubeconfig that is not there',
      { image: `a@sha256:${'a'.repeat(64)}`, deployment: 'a', kubeconfig: 'gone.yaml' },
      'gone.yaml',
    ],
  ])('names %s', async (_what, inputs, message) => {
    const ran = await runAction(inputs, { cwd: folder })
    expect(ran.code).toBe(1)
    expect(ran.log).toContain(message)
  })
})
