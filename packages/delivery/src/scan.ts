import * as z from 'zod/mini'
import { line, pathFromFolder, positiveSpan, whole } from './text.ts'

const SEVERITIES = ['CRITICAL', 'HIGH', 'MEDIUM', 'LOW', 'UNKNOWN'] as const
const flag = z.boolean({ error: 'must be true or false' })
const list = <T extends z.ZodMiniType>(item: T) => z.array(item).check(z.minLength(1, { error: 'is empty' }))

/** What is looked for before anything is deployed, by the action trivy-gate; its inputs have the same names there. */
export const scanning = z.strictObject({
  source: z._default(flag, true),
  dependencies: z._default(flag, true),
  image: z._default(flag, true),
  scanners: z.optional(list(z.enum(['vuln', 'misconfig', 'secret', 'license']))),
  report: z.optional(pathFromFolder),
  'fail-on': z._default(
    z.union([z.literal('none'), list(z.enum(SEVERITIES))], {
      error: `must be none, or a list of ${SEVERITIES.join(', ')}`,
    }),
    ['CRITICAL', 'HIGH'],
  ),
  'ignore-unfixed': z._default(flag, false),
  'ignore-file': z.optional(pathFromFolder),
  vex: z._default(z.array(pathFromFolder), []),
  'strict-exceptions': z._default(flag, false),
  grace: z._default(
    z.partial(
      z.strictObject(
        Object.fromEntries(SEVERITIES.map((severity) => [severity, whole(0, 3650)])) as Record<
          (typeof SEVERITIES)[number],
          ReturnType<typeof whole>
        >,
      ),
    ),
    {},
  ),
  kev: z.optional(pathFromFolder),
  'trivy-version': z.optional(
    z.string().check(z.regex(/^\d+\.\d+\.\d+$/, { error: 'must be a version such as 0.72.0' })),
  ),
  timeout: z._default(positiveSpan, '10m'),
})
/** `scan` of a service. */
export type Scanning = z.output<typeof scanning>

/** Languages of CodeQL. Swift needs a runner with macOS, which nothing else here does. */
const LANGUAGES = [
  'actions',
  'c-cpp',
  'csharp',
  'go',
  'java-kotlin',
  'javascript-typescript',
  'python',
  'ruby',
  'rust',
] as const

/** What reads the source itself: each tool that is named runs. Languages: GitHub, "About code scanning with CodeQL". */
export const sast = z
  .strictObject({
    codeql: z.optional(
      z.strictObject({
        languages: list(z.enum(LANGUAGES)),
        'build-mode': z.optional(z.enum(['none', 'autobuild'])),
        queries: z.optional(line),
      }),
    ),
    semgrep: z.optional(z.strictObject({ config: line.check(z.regex(/^[^-]/, { error: 'must not begin with -' })) })),
    sonarqube: z.optional(
      z.strictObject({
        'host-url': line.check(z.regex(/^https:\/\/[^\s?#]+$/, { error: 'must be an address with https://' })),
        'project-key': line.check(
          z.regex(/^[A-Za-z0-9_.:-]*[A-Za-z_.:-][A-Za-z0-9_.:-]*$/, { error: 'must be the key of a project' }),
        ),
      }),
    ),
  })
  .check(
    z.refine((tools) => Object.keys(tools).length > 0, {
      error: 'is empty: name at least one of codeql, semgrep and sonarqube',
    }),
  )
/** `sast` of a service. */
export type Sast = z.output<typeof sast>
