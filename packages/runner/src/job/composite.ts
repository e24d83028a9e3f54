import { Fault } from '@sluice/kit/faults'
import { evaluateText } from '../language/evaluate.ts'
import type { Conclusion } from '../trace.ts'
import type { Step } from '../workflow.ts'
import { type Action, DEPTH } from './action.ts'
import { type StepContext, scopeOf } from './frame.ts'
import { setOutput } from './listen.ts'
import { perform } from './perform.ts'
import { preWork } from './run-action.ts'
import type { Frame, Status, StepRun } from './state.ts'
import { planned } from './work.ts'

/** A composite action with its steps. */
export type Composite = Action & { readonly kind: 'node' | 'composite' } & { readonly steps: readonly Step[] }

/** What the contexts are inside a composite action: `needs`, `secrets` and `vars` are not there. Source: docs.github.com, "Contexts reference", context availability; `action_yaml.json` in actions/runner. */
const CONTEXTS = ['strategy', 'matrix'] as const

/**
 * Runs the steps of a composite action, each by its own condition (in its pre phase the pre phases of the actions that they use); the action fails when one of them does, and the others still are asked. Then its outputs are evaluated.
 * What its steps registered for later becomes one post step of the job. Source: `CompositeActionHandler` in actions/runner.
 */
export const runComposite = async (
  run: StepRun,
  action: Composite,
  given: { readonly inputs: Readonly<Record<string, string>>; readonly github: StepContext },
): Promise<Status> => {
  const { job } = run
  // An action of the workspace may use itself, which nothing could see before it ran.
  if (run.key.split('/').length > DEPTH + 1)
    throw new Fault('input', `Composite action depth exceeded max depth ${DEPTH}`)
  const outer = job.request.contexts
  const frame: Frame = {
    level: 'composite',
    key: run.key,
    home: action.home,
    contexts: { ...Object.fromEntries(CONTEXTS.map((name) => [name, outer[name] ?? null])), inputs: given.inputs },
    steps: new Map(),
    action: String(given.github.action ?? ''),
    actionPath: action.folder,
    env: { ...run.env },
    posts: [],
    status: 'success',
  }
  try {
    const works = planned(action.steps)
    const wanted = run.phase === 'pre' ? works.flatMap((work) => preWork(job, frame, work) ?? []) : works
    const ends: Conclusion[] = []
    for (const work of wanted) if (!job.ended.aborted) ends.push(await perform(job, frame, work, run))
    if (run.phase === 'pre') return worst(ends)
    const scope = scopeOf({ job, frame }, run.env, given.github)
    for (const [name, template] of Object.entries(action.manifest.outputs))
      if (template !== undefined) setOutput(run, name, evaluateText(template, scope))
  } finally {
    registerPosts(run, frame)
  }
  return frame.status
}

/** The posts of the action's steps, as one post step of the step that used it, last registered first. */
const registerPosts = (run: StepRun, inner: Frame): void => {
  if (inner.posts.length === 0) return
  run.frame.posts.push({
    id: run.key.split('/').at(-1) ?? '',
    name: `Post ${run.title.replace(/^Pre /, '')}`,
    phase: 'post',
    step: run.step,
    condition: 'always()',
    act: async (post) => {
      const ends: Conclusion[] = []
      for (const work of inner.posts.toReversed())
        if (!post.job.ended.aborted) ends.push(await perform(post.job, inner, work, post))
      return worst(ends)
    },
  })
}

const worst = (ends: readonly Conclusion[]): Status =>
  ends.includes('cancelled') ? 'cancelled' : ends.includes('failure') ? 'failure' : 'success'
