/** How a script is run: the program, its arguments with `{0}` where the script's path goes, and the script's file extension. */
export type Shell = { readonly program: string; readonly format: string; readonly extension: string }

/**
 * The shell for a `run`. Not given, bash (sh where there is none) runs as `-e {0}`; `bash` by name also gets `-o pipefail` and no profiles;
 * other text is a template that must hold `{0}`. undefined: no such shell.
 * @param given the step's `shell`, or the default of the job or workflow; empty when neither says
 * @param has whether a program is on the PATH
 * Source: `ScriptHandler` and `ScriptHandlerHelpers` in actions/runner.
 */
export const shellFor = (given: string, has: (program: string) => boolean): Shell | undefined => {
  if (given === '') return { program: has('bash') ? 'bash' : 'sh', format: '-e {0}', extension: '.sh' }
  const [program = '', ...rest] = given.split(' ')
  const format = rest.join(' ').trimStart() || (FORMATS[program.toLowerCase()] ?? '')
  if (!format.includes('{0}')) return undefined
  return { program, format, extension: EXTENSIONS[program.toLowerCase()] ?? '' }
}

/** The arguments of a shell for a script, as the words of the format: quotes hold a word together. */
export const argumentsOf = (format: string, script: string): readonly string[] =>
  [...format.matchAll(/(?:"([^"]*)"|'([^']*)'|[^\s"']+)+/g)].map(([word]) =>
    word.replace(/"([^"]*)"|'([^']*)'/g, (_, double, single) => double ?? single ?? '').replaceAll('{0}', script),
  )

const FORMATS: Readonly<Record<string, string>> = {
  bash: '--noprofile --norc -e -o pipefail {0}',
  sh: '-e {0}',
  python: '{0}',
  pwsh: `-command ". '{0}'"`,
}

const EXTENSIONS: Readonly<Record<string, string>> = { bash: '.sh', sh: '.sh', python: '.py', pwsh: '.ps1' }
