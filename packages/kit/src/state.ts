import * as core from '@actions/core'

/** Keeps a value for this action's post step. Outside GitHub there is no post step, and nothing is kept. */
export const keep = (name: string, value: string): void => {
  if (process.env.GITHUB_STATE) core.saveState(name, value)
}

/** What the main step kept; empty when it kept nothing, or when this is the main step. */
export const kept = (name: string): string => core.getState(name)

/** A word that must never be shown in a log. */
export const mask = (secret: string): void => {
  if (secret !== '' && process.env.GITHUB_ACTIONS === 'true') core.setSecret(secret)
}
