import { join } from 'node:path'
import type { Image } from '@sluice/sandbox/sandbox'
import type { Program } from './cluster-process.ts'
import type { Front } from './front.ts'
import { contentOf, type Release } from './plan.ts'
import { METRICS_PATH } from './shortened.ts'
import type { Subject } from './subject.ts'

/** The content that a release's digest is made of: the example's image, or every file of a user's repository. */
export const contentOfSubject = ({ kind, folder, files }: Subject): string =>
  contentOf(folder, kind === 'own' ? files : programFiles(files))

/**
 * What runs as a release's image: the example's service with its own faults around it, or a process in front of the user's own command, in the user's own
 * folder, where its dependencies are.
 */
export const imageOf = (
  { kind, folder, home, start }: Subject,
  { label, env }: Release,
  { seed, outageFile }: { readonly seed: number; readonly outageFile: string },
): Image => {
  if (kind === 'example' || start === undefined)
    return { command: [process.execPath, 'rehearsal/main.ts'], cwd: folder, env: { ...env, OUTAGE_FILE: outageFile } }
  const fault = FRONT_FAULTS.find((name) => name === env.FAULT) ?? 'none'
  const front: Front = {
    run: start.run,
    port: start.port,
    release: label,
    fault,
    seed,
    outageFile,
    metricsPath: METRICS_PATH,
  }
  return {
    command: [process.execPath, join(import.meta.dirname, 'front.ts'), JSON.stringify(front)],
    cwd: home,
    env: { RELEASE: label },
  }
}

/** The example's service as a program for an image, with its own faults around it, and with what its Dockerfile sets. */
export const programOf = ({ folder, files }: Subject, env: Release['env']): Program => ({
  folder,
  files: ['package.json', ...programFiles(files)],
  command: ['rehearsal/main.ts'],
  env: { NODE_ENV: 'production', PORT: '8080', HOST: '0.0.0.0', ...env },
  ports: [8080],
})

const programFiles = (files: readonly string[]): readonly string[] =>
  files.filter((path) => /^(src|rehearsal|model)\//.test(path))

const FRONT_FAULTS = ['errors', 'latency', 'crash', 'hang'] as const
