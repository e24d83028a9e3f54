import type { TemplateToken } from '@actions/workflow-parser/templates/tokens/index'
import type { ActionManifest } from '../workflow.ts'
import type { Problem } from './problem.ts'
import { templateUnder } from './read-job.ts'
import { readSteps } from './read-steps.ts'
import { conditionOf, placeOf, recordOf, textOf, under } from './tokens.ts'

/** Reads an action's manifest, after the schema has checked it; `wrong` when `runs` lacks what its kind needs. */
export const readAction = (
  root: TemplateToken,
  file: string,
):
  | { readonly kind: 'read'; readonly action: ActionManifest }
  | { readonly kind: 'wrong'; readonly problems: readonly Problem[] } => {
  const runs = readRuns(under(root, 'runs'), file)
  if (typeof runs === 'string') {
    const { line, column } = placeOf(under(root, 'runs') ?? root, file)
    return { kind: 'wrong', problems: [{ line, column, text: runs }] }
  }
  return {
    kind: 'read',
    action: {
      name: textOf(under(root, 'name')),
      inputs: recordOf(under(root, 'inputs'), (input) => ({
        default: templateUnder(input, 'default', file),
        required: textOf(under(input, 'required')) === 'true',
        deprecation: textOf(under(input, 'deprecationMessage')),
      })),
      outputs: recordOf(under(root, 'outputs'), (output) => templateUnder(output, 'value', file)),
      runs,
    },
  }
}

const readRuns = (runs: TemplateToken | undefined, file: string): ActionManifest['runs'] | string => {
  const using = textOf(under(runs, 'using'))
  const kind = using.toLowerCase()
  if (kind === 'docker') return { kind: 'docker' }
  if (kind === 'composite') return { kind: 'composite', steps: readSteps(under(runs, 'steps'), file) }
  if (!/^node\d+$/.test(kind))
    return `'using: ${using}' is not supported, use 'docker', 'node24' or 'composite' instead.`
  const main = textOf(under(runs, 'main'))
  if (main === '') return 'You are using a JavaScript Action but there is not an entry JavaScript file provided.'
  return {
    kind: 'node',
    using,
    main,
    pre: textOf(under(runs, 'pre')) || undefined,
    preIf: conditionOf(under(runs, 'pre-if')) || 'always()',
    post: textOf(under(runs, 'post')) || undefined,
    postIf: conditionOf(under(runs, 'post-if')) || 'always()',
  }
}
