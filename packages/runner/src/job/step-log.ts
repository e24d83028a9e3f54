import type { Annotation } from '../trace.ts'
import type { Masks } from './masks.ts'

/** The log of one step, or of a job outside its steps: what a person reads on GitHub, masks applied. */
export type StepLog = {
  readonly lines: string[]
  readonly annotations: Annotation[]
  write(line: string): void
  /** An annotation, which is a line too. GitHub keeps 10 of a level for each step and cuts the text at 4,096 characters. */
  annotate(annotation: Annotation): void
  error(text: string): void
  warning(text: string): void
  debug(text: string): void
}

/** How many annotations of a level a step keeps, and how long their text may be. Sources: docs.github.com, "Workflow commands"; `ExecutionContext.AddIssue` in actions/runner. */
export const LIMITS = { annotations: 10, text: 4_096 } as const

/** A log that hands each line on as it comes. @param debug whether debug lines are shown */
export const stepLog = (masks: Masks, say: (line: string) => void, debug: boolean): StepLog => {
  const lines: string[] = []
  const annotations: Annotation[] = []
  const write = (text: string): void => {
    for (const line of masks.mask(text).split(/\r?\n/)) {
      lines.push(line)
      say(line)
    }
  }
  const annotate = (annotation: Annotation): void => {
    if (annotation.text !== '') write(`##[${annotation.level}]${annotation.text}`)
    if (annotations.filter(({ level }) => level === annotation.level).length >= LIMITS.annotations) return
    annotations.push({
      ...annotation,
      title: masks.mask(annotation.title),
      text: masks.mask(annotation.text).slice(0, LIMITS.text),
    })
  }
  return {
    lines,
    annotations,
    write,
    annotate,
    error: (text) => annotate(plain('error', text)),
    warning: (text) => annotate(plain('warning', text)),
    debug: (text) => (debug ? write(`##[debug]${text}`) : undefined),
  }
}

const plain = (level: Annotation['level'], text: string): Annotation => ({
  level,
  title: '',
  text,
  file: '',
  line: undefined,
})
