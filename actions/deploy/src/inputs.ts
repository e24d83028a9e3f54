import { choice, duration, lines, optionalImage, optionalText } from '@sluice/kit/fields'
import { readInputs } from '@sluice/kit/inputs'
import * as z from 'zod/mini'

/** The keys are action.yml's. Times are ms. */
export const inputs = z.object({
  manifests: lines,
  values: optionalText,
  image: optionalImage,
  deployment: optionalText,
  container: optionalText,
  existing: choice(['update', 'skip']),
  namespace: optionalText,
  kubeconfig: optionalText,
  context: optionalText,
  timeout: duration,
  'on-failure': choice(['rollback', 'keep']),
})
/** The inputs as they are read; `undefined` for what was left out. */
export type Inputs = z.output<typeof inputs>

/**
 * Reads the inputs and what they say together.
 * @param read gives an input's text, empty when it was left out
 * @param others problems that were found elsewhere (in values and manifests), to be told with these
 * @throws Fault('input') with everything that is wrong, one a line
 */
export const readAll = (read: (name: string) => string, others: readonly string[]): Inputs =>
  readInputs(inputs, read, [...conflicts(read), ...others])

const conflicts = (read: (name: string) => string): readonly string[] => {
  const given = (name: string): boolean => read(name).trim() !== ''
  const found: string[] = []
  if (!given('manifests') && !given('image')) {
    found.push('manifests or image is required: what to deploy (files, or name@sha256:… for an existing Deployment)')
  }
  if (given('manifests') && given('image')) {
    found.push(
      'manifests and image are both given: put the image into the manifests with values, or deploy the image alone',
    )
  }
  if (given('image') && !given('deployment')) {
    found.push('deployment is required with image: the name of the existing Deployment that gets it')
  }
  if (read('existing').trim() === 'skip' && !given('deployment')) {
    found.push('deployment is required with existing: skip: the name of the Deployment to look for')
  }
  if (given('values') && !given('manifests'))
    found.push('values is given without manifests, which are all that it fills')
  return found
}
