import type { JobTrace } from '@sluice/runner/trace'

/** What is told of a job of deliver.yml that has ended, if anything: how the image came about, and what the gate says of it. */
export const toldBy = (
  job: Pick<JobTrace, 'kind' | 'ids' | 'outputs' | 'steps'>,
): { readonly text: string; readonly detail: string } | undefined => {
  const [, called, name] = job.ids
  if (job.kind !== 'job') return undefined
  if (called === 'package' && name === 'package') return packaged(job)
  return called === 'scan' ? gated(name ?? '', job) : undefined
}

type Told = ReturnType<typeof toldBy>

const packaged = ({ outputs }: Pick<JobTrace, 'outputs'>): Told => {
  const { verdict = '', 'reason-code': code = '', digest = '', tags = '' } = outputs
  const short = digest.slice(0, 19)
  if (verdict === 'nothing-to-check')
    return { text: 'package takes a prebuilt image: no image is built', detail: short }
  if (verdict !== 'pass') return { text: 'package gives no image', detail: [verdict, code].filter(Boolean).join(', ') }
  const count = tags.split('\n').filter((tag) => tag.trim() !== '').length
  return { text: 'package built the image and pushed it', detail: `${short}, ${count} ${count === 1 ? 'tag' : 'tags'}` }
}

const SEVERITIES = ['critical', 'high', 'medium', 'low', 'unknown'] as const

/** The gate's own words, in numbers: those of the step that decided. */
const gated = (part: string, { steps }: Pick<JobTrace, 'steps'>): Told => {
  const outputs = steps.find(
    ({ outputs: { verdict, failing } }) => verdict !== undefined && failing !== undefined,
  )?.outputs
  if (outputs === undefined) return undefined
  const total = SEVERITIES.reduce((sum, name) => sum + Number(outputs[name] ?? 0), 0)
  return {
    text: `the gate says ${outputs.verdict} (scan of the ${part})`,
    detail: `${outputs.failing} of ${total} ${total === 1 ? 'finding fails' : 'findings fail'}`,
  }
}
