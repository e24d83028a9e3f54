import type { Step } from '../workflow.ts'
import { runAction } from './run-action.ts'
import { runScript } from './run-script.ts'
import type { Work } from './state.ts'

/**
 * The work of some steps, in order. A step without an id gets one of the runner's own, such as `__run`, `__run_2` or `__actions_checkout`, which no context shows.
 * Source: docs.github.com, "Variables reference", GITHUB_ACTION.
 */
export const planned = (steps: readonly Step[]): readonly Work[] => {
  const taken = new Map<string, number>()
  return steps.map((step) => {
    const id = step.id || numbered(ownId(step), taken)
    return {
      id,
      name: '',
      phase: 'main',
      step,
      condition: step.if,
      act: (run) => (step.kind === 'run' ? runScript(run, step) : runAction(run, step)),
    }
  })
}

const ownId = (step: Step): string => {
  if (step.kind === 'run') return '__run'
  if (/^[.$]/.test(step.uses)) return '__self'
  return `__${(step.uses.split('@')[0] ?? '').replace(/[^A-Za-z0-9-]/g, '_')}`
}

const numbered = (id: string, taken: Map<string, number>): string => {
  const count = (taken.get(id) ?? 0) + 1
  taken.set(id, count)
  return count === 1 ? id : `${id}_${count}`
}
