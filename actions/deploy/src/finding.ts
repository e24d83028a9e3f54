import type { Finding } from '@sluice/kit/report'
import type { Result } from './run.ts'

const UNWAITED = new Set(['StatefulSet', 'DaemonSet', 'Job', 'CronJob', 'ReplicaSet', 'Pod'])

/** What a person should see beside the verdict: why a rollout hung, what was left, and what was applied but not waited for. */
export const findings = (result: Result, unused: readonly string[]): readonly Finding[] => [
  ...result.explanations.map(({ about, text, environment }) => ({
    id: environment ? 'environment' : 'rollout',
    level: 'error' as const,
    text: `${about}: ${text}`,
    where: about,
  })),
  ...(result.undone ?? [])
    .filter(({ state }) => state === 'left')
    .map(({ change, why }) => ({
      id: 'left',
      level: 'error' as const,
      text: `${change.target.kind}/${change.target.name} was not taken back: ${why}`,
    })),
  ...result.changes
    .filter(({ target }) => UNWAITED.has(target.kind))
    .map(({ target }) => ({
      id: 'not-waited',
      level: 'warning' as const,
      text: `${target.kind}/${target.name} was applied; only the rollout of Deployments is waited for`,
    })),
  ...unused.map((name) => ({
    id: 'unused-value',
    level: 'warning' as const,
    text: `values sets ${name}, which no manifest asks for`,
  })),
]
