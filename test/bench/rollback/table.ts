import { PLAN, SETTINGS, settingsText } from './manifests.ts'
import type { Kept, Results } from './results.ts'
import { SCENES, type SceneName, TITLES, TOOLS, type Tool } from './scenes.ts'
import { five, shareText } from './statistics.ts'

/** The page of a race: its tables, what was measured and how, and every setting in full. Made from the file alone. */
export const page = (results: Results): string => {
  const { trial, machine, versions, rounds, lanes, remark } = results
  const loads = five(rounds.map(({ load }) => load))
  const times = rounds.map(({ at }) => at).toSorted()
  return `# The race of rolling a bad release back
${trial ? '\n**A trial: these figures only show that every row works.**\n' : ''}
Made by \`npm run bench:rollback\` from [rollback.json](rollback.json), which has every round. ${rounds.length} rounds, ${times[0]?.slice(0, 16) ?? '–'} to ${times.at(-1)?.slice(0, 16) ?? '–'} UTC,
at ${[...new Set(rounds.map(({ commit }) => commit))].join(', ') || '–'}, this project run from ${results.bundle}.

On ${machine}; ${lanes} rounds at a time; load of the machine before a round: median ${number(loads?.median)}, most ${number(loads?.most)}. ${Object.entries(
    versions,
  )
    .map(([name, version]) => `${name} ${version}`)
    .join(', ')}.${remark === undefined ? '' : ` ${remark}`}

${goals(rounds)}
## Bad releases

Seconds count from the first write of the release to the cluster. A cell has the median, then (first to third quartile; least to most).
${bad
  .map((scene) => badTable(scene, rounds))
  .filter((text) => text !== '')
  .join('\n')}
## Healthy releases

What stops here is a false alarm. Failed requests leave out those that the service itself always fails.
${healthy
  .map((scene) => healthyTable(scene, rounds))
  .filter((text) => text !== '')
  .join('\n')}
${WORDS}
## Settings, in full

\`$STABLE\`, \`$HOST\`, \`$NAMESPACE\` and \`$PROMETHEUS\` are put in for each round.

${files.map((file) => `### ${file}\n\n\`\`\`yaml\n${settingsText(file)}\`\`\`\n`).join('\n')}`
}

const names = Object.keys(SCENES) as SceneName[]
const bad = names.filter((name) => SCENES[name].bad)
const healthy = names.filter((name) => !SCENES[name].bad)
const files = [...new Set([...SETTINGS.sluice, PLAN, ...TOOLS.flatMap((tool) => SETTINGS[tool])])]

const badTable = (scene: SceneName, rounds: readonly Kept[]): string =>
  table(scene, rounds, {
    heads: [
      'before the first write, s',
      'all traffic on stable, s',
      'its word, s',
      'failed requests',
      'answers not from stable',
      'left behind',
      'wrong verdicts (95 %)',
    ],
    cells: (of) => [
      number(five(of.map(({ before }) => before))?.median),
      spread(of.map(({ stableAfter }) => stableAfter)),
      spread(of.map(({ saidAfter }) => saidAfter)),
      spread(of.map(({ failed }) => failed)),
      spread(of.map(({ touched }) => touched)),
      leftText(of),
      shareText(of.filter(({ wrong }) => wrong).length, of.length),
    ],
  })

const healthyTable = (scene: SceneName, rounds: readonly Kept[]): string =>
  table(scene, rounds, {
    heads: ['stopped (95 %)', 'without a word', 'failed requests (95 %)', 'its word, s', 'left behind'],
    cells: (of) => [
      shareText(of.filter(({ verdict }) => verdict === 'stopped').length, of.length),
      `${of.filter(({ verdict }) => verdict === 'none').length}`,
      shareText(total(of, 'failed'), total(of, 'requests')),
      spread(of.filter(({ verdict }) => verdict === 'promoted').map(({ saidAfter }) => saidAfter)),
      leftText(of),
    ],
  })

type Columns = { readonly heads: readonly string[]; readonly cells: (of: readonly Kept[]) => readonly string[] }

const table = (scene: SceneName, rounds: readonly Kept[], { heads, cells }: Columns): string => {
  const rows = TOOLS.map((tool) => ({ tool, of: roundsOf(rounds, tool, scene) })).filter(({ of }) => of.length > 0)
  if (rows.length === 0) return ''
  const line = (each: readonly string[]): string => `| ${each.join(' | ')} |`
  return `
### ${SCENES[scene].title}

${line(['', 'n', ...heads])}
${line(['', 'n', ...heads].map(() => '---'))}
${rows.map(({ tool, of }) => line([TITLES[tool], String(of.length), ...cells(of)])).join('\n')}
${answersText(rows)}`
}

/** What failed requests were answered, all rounds of a tool together: a gateway's answer is another thing than the release's own. */
const answersText = (rows: readonly { readonly tool: Tool; readonly of: readonly Kept[] }[]): string => {
  const texts = rows.flatMap(({ tool, of }) => {
    const counts = new Map<string, number>()
    for (const [answer, count] of of.flatMap(({ failures }) => Object.entries(failures)))
      counts.set(answer, (counts.get(answer) ?? 0) + count)
    const told = [...counts].sort(([, a], [, b]) => b - a).map(([answer, count]) => `${count} × \`${answer}\``)
    return told.length === 0 ? [] : [`${TITLES[tool]} ${told.join(', ')}`]
  })
  return texts.length === 0 ? '' : `\nFailed requests were answered: ${texts.join('; ')}.\n`
}

const roundsOf = (rounds: readonly Kept[], tool: Tool, scene: SceneName): readonly Kept[] =>
  rounds.filter((round) => round.tool === tool && round.scene === scene)

const total = (of: readonly Kept[], key: 'failed' | 'requests'): number =>
  of.reduce((sum, round) => sum + round[key], 0)

/** Rounds without a value are told apart from those with one: a median of fewer rounds than were run would flatter. */
const spread = (values: readonly (number | null)[]): string => {
  const all = five(values.filter((value) => value !== null))
  const none = values.filter((value) => value === null).length
  const missing = none === 0 ? '' : `none in ${none} of ${values.length}`
  if (all === undefined) return missing === '' ? '–' : missing
  const text = `${number(all.median)} (${number(all.q1)} to ${number(all.q3)}; ${number(all.least)} to ${number(all.most)})`
  return missing === '' ? text : `${text}; ${missing}`
}

const number = (value: number | undefined): string =>
  value === undefined ? '–' : Number.isInteger(value) ? String(value) : value.toFixed(1)

const leftText = (of: readonly Kept[]): string => {
  const kinds = [...new Set(of.flatMap(({ left }) => left))]
  if (kinds.length === 0) return 'nothing'
  return kinds
    .map((kind) => `${kind} (${of.filter(({ left }) => left.includes(kind)).length} of ${of.length})`)
    .join('; ')
}

/** The goals of the race, each with what came of it. */
const goals = (rounds: readonly Kept[]): string => {
  const median = (tool: Tool, key: 'stableAfter' | 'failed'): number | undefined =>
    five(
      roundsOf(rounds, tool, 'errors')
        .map((round) => round[key])
        .filter((value) => value !== null),
    )?.median
  const part = (key: 'stableAfter' | 'failed'): string => {
    const [ours, theirs] = [median('sluice', key), median('argo-rollouts', key)]
    return ours === undefined || theirs === undefined
      ? 'not measured yet'
      : `${number(ours)} to ${number(theirs)}, ${ratio(ours, theirs)}`
  }
  const of = TOOLS.filter((tool) => tool === 'sluice').flatMap((tool) => rounds.filter((round) => round.tool === tool))
  const good = of.filter(({ scene }) => !SCENES[scene].bad)
  return `| Goal | What came of it |
| --- | --- |
| 20 % errors: all traffic on stable in at most half of Argo Rollouts' median time (better: a third) | ${part('stableAfter')} |
| 20 % errors: at most half of Argo Rollouts' failed requests (better: a third) | ${part('failed')} |
| nothing left behind | ${of.length === 0 ? 'not measured yet' : leftText(of)} |
| a healthy release costs no failed request | ${good.length === 0 ? 'not measured yet' : shareText(total(good, 'failed'), total(good, 'requests'))} |
| wrong verdicts, all rounds | ${of.length === 0 ? 'not measured yet' : shareText(of.filter(({ wrong }) => wrong).length, of.length)} |
`
}

const ratio = (ours: number, theirs: number): string =>
  theirs === 0 ? 'no ratio' : `${((100 * ours) / theirs).toFixed(0)} %`

const WORDS = `## What is measured

- **The ground is the same for all**: one Kubernetes, Traefik and Prometheus (2 s scrape), the same service of two pods, 50 requests a second at a steady pace whatever the answers take.
  Each round has a namespace of its own; the tools take turns, and rounds of different tools and lengths run side by side, so that a busy moment meets all of them alike. Clients ask for 12 s before the release, which then comes at any moment of 10 s, since Flagger looks every 10 s.
- **The clock** starts before the request that patches the image is sent; with this project, at the last look at the cluster that did not see its first write yet. What its process does before that, start and preflight, has a column of its own.
- **All traffic on stable**: the later of the canary's weight in the route read back as 0 and the last answer to a client that was not stable's. \`none\`: clients never left stable, or the release was not taken back.
- **Its word**: the process ended; the Rollout is aborted, or Healthy on the new template; the Canary is Failed or Succeeded.
- **Failed requests**: no answer in 10 s, a broken connection, or a status other than 200, from the first write until the end of the round.
  A \`404\` is Traefik's: without \`allowEmptyServices\` it takes a whole IngressRoute away while one of its Services has no ready pod. An HTTPRoute loses the share of that Service alone.
- **Left behind**: pods of the release that lost, a weight, objects, or a spec that still names the rejected image, after the tool's word, its own documented delay and the pods' own time to end.
  Records of what was are not counted: AnalysisRuns, the Canary's status, the ConfigMap and Lease of a release.
- **Wrong verdicts**: a bad release that was not stopped, a healthy one that was, or no word within 300 s. Intervals are Wilson's, 95 %.

## Why these settings

One file a tool, for every release alike: nobody knows beforehand how the next release will be bad. Steps and limits are the same where the tools have the same notion: 5 % first, then 25 and 50 (Flagger: 5 to 50 by 5, its own way),
at most 5 % errors over a short window, 1 % over a minute, 5 % slower than 250 ms, 30 s for a pod to get ready.
Argo Rollouts and Flagger judge Traefik's counters, so that a crash counts which no pod lives to count. This project reads the pods' counters and their restarts through the API server, which is what it does unasked.

- **Sluice**: looks every second, which costs it no false alarm, at the default false-rollback-rate of 1 %. It has no limit of 1 % over a minute: what it minds is more errors than stable has at the same time.
- **Argo Rollouts**: every 5 s over 10 s, the fourth failed measurement aborts, as its documentation counts. **Most nervous**: every second over 5 s, the first one aborts; its price is the false alarms below *Healthy releases*.
- **Flagger**: an interval of 10 s is its floor; the third failed check rolls back.
- **Errors of 2 %**: 5 % would let them pass, so a user who minds them sets 1 %, the limit of Flagger's own examples, over their minute. At 2.5 canary requests a second a shorter window or a lower limit stops on a single error.
`
