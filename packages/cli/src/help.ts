import type { Action } from './actions.ts'
import { FAULTS, JUDGES } from './arguments.ts'

/** The text of `sluice help`, or of one command. An unknown name gets the general text. */
export const help = (actions: readonly Action[], of: string | undefined): string => {
  const action = actions.find(({ name }) => name === of)
  if (action !== undefined) return actionHelp(action)
  if (of === 'rehearse') return REHEARSE
  if (of === 'judge') return JUDGE
  const width = Math.max(...actions.map(({ name }) => name.length), 8)
  return [
    'sluice <action> --input value …   runs an action outside GitHub: its inputs are flags, its defaults action.yml’s',
    'sluice rehearse                   pushes a good and a bad release through the workflows onto a cluster',
    'sluice judge FILE                 judges recorded counts again, or the report of a canary',
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
Copies a repository, pushes releases of it through the real workflows in a local GitHub onto an embedded cluster with steady traffic: a first one,
a good one that is promoted, and a bad one that is taken back. Your folder is not changed, and nothing leaves this machine.
Exit code 0: all ended as they should, read back from the runs, the cluster and the clients' own counts.

Without --repository it takes the folder with a sluice.yml that you are in, else the example of this checkout. Your service is started by
services.NAME.start of sluice.yml, on the port in PORT, once for every pod.

  --fault NAME     what is wrong with the second release: ${FAULTS.join(', ')}.
                   Default errors; none with --cancel, --kill-runner and --approve no
  --cancel         cancels the run of the second release while its canary has traffic, as GitHub's Cancel button does
  --kill-runner    the machine of the second release's canary dies, and then that of the job beside it that recovers: reap ends it.
                   --kill-runner=once: only the first dies, and the job beside it takes the release back. Also --kill
  --approve no     the reviewer refuses the second release: nothing of it reaches production
  --second-only    leaves the good release out
  --repository DIR a folder with a sluice.yml
  --service NAME   a service of sluice.yml. Default the only one that is released to production
  --report FOLDER  gets rehearsal.html, rehearsal.json, and each run's trace, logs and summaries. Default .sluice/rehearsal
  --json           prints the result as JSON and nothing else
  --no-live        plain lines instead of the live view
  --seed N         orders what the clients send and which requests fail. Default 1
  --cluster        the example on a real Kubernetes that \`npm run cluster -- up\` brought up: pods from its registry, its gateway, service accounts
                   with the Roles of the READMEs. --cluster=NAME: the one of that name. Its namespaces are removed at the end
  --with-docker    deliver.yml builds the images with docker buildx, by the current builder, and pushes them; without it each release is given a
                   prebuilt image, and none is built. The registry is one that is started (docker-registry), or with --cluster the cluster's own.
                   Your Dockerfile is built as it is, and fetches what it fetches
  --registry HOST:PORT  the registry for --with-docker: plain HTTP, without a login
  --from-source    runs the actions' sources rather than their bundles`

const JUDGE = `sluice judge FILE [flags]
Judges again what was recorded: a JSON file of your own, or the report file of a canary. - is standard input. docs/judging.md has the shape.
Standard output gets the verdict, the reason, every interval and what the traffic would have revealed, as JSON.
Exit code 0: the release would have been promoted; 1: rolled back, or inconclusive; 2: the file cannot be judged, and all of why is said.

  --judge NAME     ${JUDGES.join(', ')}: this project's judge, or what Kayenta's or a fixed limit would have said. Default ${JUDGES[0]}
  --compatible     Kayenta's judge with the faults of the original
  --format FORMAT  json or text. Default text on a terminal, else json, with the text on standard error where that is a terminal
  --page FILE      gets the HTML page of a canary's report`
