import { type ManifestObject, type Problem, titleOf } from './manifest.ts'

/** Where the kinds that run pods keep their pod spec. */
const POD_SPEC: Readonly<Record<string, readonly string[]>> = {
  Pod: ['spec'],
  Deployment: ['spec', 'template', 'spec'],
  StatefulSet: ['spec', 'template', 'spec'],
  DaemonSet: ['spec', 'template', 'spec'],
  ReplicaSet: ['spec', 'template', 'spec'],
  Job: ['spec', 'template', 'spec'],
  CronJob: ['spec', 'jobTemplate', 'spec', 'template', 'spec'],
}

/** Whether a reference names its image by digest, so that what is deployed is what was built. */
const isPinned = (image: string): boolean => /^[^@\s]+@sha256:[0-9a-f]{64}$/.test(image)

/**
 * Every container of an object whose image is missing or not named by digest.
 * @param at the place of a value in its file, by its keys
 */
export const imageProblems = (
  object: ManifestObject,
  at: (keys: readonly (string | number)[]) => string,
): readonly Problem[] => {
  const { kind } = object
  const path = POD_SPEC[kind]
  const spec = path?.reduce<unknown>((value, key) => (isRecord(value) ? value[key] : undefined), object)
  if (path === undefined || !isRecord(spec)) return []
  const title = titleOf(object)
  return ['initContainers', 'containers'].flatMap((list) => {
    const containers = spec[list]
    if (!Array.isArray(containers)) return []
    return containers.flatMap((container: unknown, index) => {
      if (!isRecord(container)) return []
      const name = String(container.name ?? `${list}[${index}]`)
      const image = typeof container.image === 'string' ? container.image : ''
      if (isPinned(image)) return []
      const text =
        image === ''
          ? `container ${name} of ${title} has no image`
          : `container ${name} of ${title} has an image without digest: ${image} (a tag can move; write name@sha256:…)`
      return [{ where: at([...path, list, index, 'image']), text }]
    })
  })
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
