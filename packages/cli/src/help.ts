import type { Action } from './actions.ts'
import { FAULTS } from './arguments.ts'

/** The text of `sluice help`, or of one command. An unknown name gets the general text. */
export const help = (actions: readonly Action[], of: string | undefined): string => {
  const action = actions.find(({ name }) => name === of)
  if (action !== undefined) return actionHelp(action)
  if (of === 'rehearse') return REHEARSE
  const width = Math.max(...actions.map(({ name }) => name.length), 8)
  return [
    'sluice <action> --input value …   runs an action outside GitHub: its inputs are flags, its defaults action.yml’s',
    'sluice rehearse                   takes a good and a bad release through an embedded cluster',
    'sluice status --deployment NAME   what a release is doing (canary-promote, mode status)',
    'sluice help [command]             this, or the flags of one command',
    '',
    'Actions:',
    ...actions.map(({ name, description }) => `  ${name.padEnd(width)}  ${description}`),
  ].join('\n')
}

const actionHelp = ({ name, description, inputs }: Action): string =>
  [
    `sluice ${name} --input value …`,
    description,
    '',
    ...inputs.flatMap((input) => [
      `  --${input.name}${input.required ? '  (required)' : ''}`,
      `      ${input.description.replaceAll(/\s+/g, ' ')}`,
    ]),
    '  --summary FILE',
    '      Where the Markdown summary goes. Default nowhere.',
    '  --from-source',
    '      Runs src/main.ts rather than the bundle.',
  ].join('\n')

const REHEARSE = `sluice rehearse [flags]
Starts an embedded cluster and steady traffic, then takes a good and a bad release through deploy, smoke-test and canary-promote.
Exit code 0: both ended as they should, read back from the cluster and from the clients' own counts.

  --fault NAME     what is wrong with the second release: ${FAULTS.join(', ')}. Default errors
  --kill           kills canary-promote with SIGKILL while the second release has traffic; the next run cleans up
  --second-only    leaves the good release out
  --report FOLDER  gets rehearsal.html and rehearsal.json. Default .sluice/rehearsal
  --json           prints the result as JSON and nothing else
  --no-live        plain lines instead of the live view
  --seed N         orders the tickets that the clients send. Default 1
  --from-source    runs the actions' sources rather than their bundles`
