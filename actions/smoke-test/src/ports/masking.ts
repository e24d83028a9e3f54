import { formsOf, mask } from '../secret.ts'

/** What must not be shown. It grows while the run goes on: a token that one check captures is a secret of the next. */
export type Masking = { add(secret: string): void; mask<T>(value: T): T }

/** @param tellRunner gets each form once, so that the runner hides it in the log as well */
export const masking = (tellRunner: (form: string) => void): Masking => {
  const known = new Set<string>()
  return {
    add: (secret) => {
      for (const form of formsOf(secret)) {
        if (known.has(form)) continue
        known.add(form)
        tellRunner(form)
      }
    },
    mask: (value) =>
      mask(
        value,
        [...known].sort((a, b) => b.length - a.length),
      ),
  }
}

/** The runner's command that hides a text in the log. Elsewhere nobody reads the command, and writing it would show the secret. */
export const runnerMask =
  (env: Readonly<Record<string, string | undefined>>) =>
  (form: string): void => {
    if (env.GITHUB_ACTIONS !== 'true') return
    for (const line of form.split(/\r?\n/)) {
      if (line.trim() !== '') process.stdout.write(`::add-mask::${line.replaceAll('%', '%25')}\n`)
    }
  }
