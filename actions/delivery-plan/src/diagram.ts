import type { Stage } from './stages.ts'

/** The run as a Mermaid flowchart. A stage that is off stands in its place and says `nothing to check`. */
export const diagram = (service: string, stages: readonly Stage[]): string => {
  const label = ({ name, on, does, environment }: Stage): string =>
    [name, ...(on ? [short(name, does, environment)] : ['nothing to check'])].map(quoted).join('<br/>')
  const line = stages.filter(({ name }) => name !== 'recover')
  const recover = stages.find(({ name }) => name === 'recover')
  const ids = ['plan', ...line.map(({ name }) => name), 'outcome']
  return [
    '```mermaid',
    'flowchart LR',
    `  plan["plan<br/>${quoted(service)}"]`,
    ...line.map((stage) => `  ${stage.name}["${label(stage)}"]${stage.on ? '' : ':::off'}`),
    '  outcome["outcome"]',
    `  ${ids.join(' --> ')}`,
    ...(recover?.on === true
      ? [
          `  recover["recover<br/>${quoted(recover.environment)}"]`,
          '  canary -. "not promoted" .-> recover --> outcome',
        ]
      : []),
    '  classDef off stroke-dasharray: 4 4,opacity: 0.6',
    '```',
  ].join('\n')
}

const short = (name: string, does: string, environment: string): string =>
  ['checks', 'package', 'scan'].includes(name)
    ? does
    : name === 'canary'
      ? `${environment}: ${does.replace(/ of .*/, '')}`
      : environment

/** Text for a quoted label: nothing in it ends the label, starts HTML or an entity. */
const quoted = (text: string): string =>
  text.replace(/[&"<>#;`\n]/g, (sign) => (sign === '\n' ? ' ' : `#${sign.charCodeAt(0)};`))
