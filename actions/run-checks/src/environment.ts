/** Files by which a step speaks to the runner. */
export const RUNNER_FILES = [
  'GITHUB_OUTPUT',
  'GITHUB_STATE',
  'GITHUB_ENV',
  'GITHUB_PATH',
  'GITHUB_STEP_SUMMARY',
] as const

/** What each of the runner's files is for a check: a path of its own. */
export type RunnerFiles = Readonly<Record<(typeof RUNNER_FILES)[number], string>>

/**
 * What a check sees of the job's environment: as a `run` step would, without this action's own inputs and state, and without what the runner
 * gives to actions only (the tokens for its caches and artifacts and for OIDC). In place of each of the runner's files that the job has, the check
 * gets one of its own: it can set no output of this action, and no PATH or variable of a later step. `own` is added, and wins over the job's.
 * Source: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
 */
export const environmentOf = (
  job: Readonly<Record<string, string | undefined>>,
  own: Readonly<Record<string, string>>,
  files: RunnerFiles,
): Readonly<Record<string, string>> => {
  const kept = Object.entries(job).flatMap(([name, value]) =>
    value === undefined || ACTIONS_ONLY.test(name) ? [] : [[name, value] as const],
  )
  const replaced = RUNNER_FILES.filter((name) => job[name] !== undefined).map((name) => [name, files[name]] as const)
  return Object.fromEntries([...kept, ...Object.entries(own), ...replaced])
}

const ACTIONS_ONLY = /^(INPUT_|STATE_|ACTIONS_RUNTIME_|ACTIONS_ID_TOKEN_REQUEST_|ACTIONS_CACHE_|ACTIONS_RESULTS_)/

/** Values of the environment that are secrets by the name of their variable: what must not be repeated in reports. */
export const secretsIn = (env: Readonly<Record<string, string | undefined>>): readonly string[] =>
  Object.entries(env).flatMap(([name, value]) =>
    SECRET_NAME.test(name) ? (value ?? '').split('\n').filter((line) => line.trim().length >= SHORTEST_SECRET) : [],
  )

const SECRET_NAME = /TOKEN|SECRET|PASSW|CREDENTIAL|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY|KUBECONFIG/i
/** A shorter one would black out words that mean nothing. */
const SHORTEST_SECRET = 6

/** The text with each secret in it as `***`. */
export const hidden = (text: string, secrets: Iterable<string>): string =>
  [...secrets].sort((a, b) => b.length - a.length).reduce((shown, secret) => shown.replaceAll(secret, '***'), text)
