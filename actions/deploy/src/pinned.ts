import { isMap, isScalar, isSeq, type YAMLMap } from 'yaml'
import type { Problem } from './manifest.ts'

/** Where the kinds that run pods keep their pod spec. */
export const POD_SPEC: Readonly<Record<string, readonly string[]>> = {
  Pod: ['spec'],
  Deployment: ['spec', 'template', 'spec'],
  StatefulSet: ['spec', 'template', 'spec'],
  DaemonSet: ['spec', 'template', 'spec'],
  ReplicaSet: ['spec', 'template', 'spec'],
  Job: ['spec', 'template', 'spec'],
  CronJob: ['spec', 'jobTemplate', 'spec', 'template', 'spec'],
}

/** Whether a reference names its image by digest, so that what is deployed is what was built. */
export const isPinned = (image: string): boolean => /^[^@\s]+@sha256:[0-9a-f]{64}$/.test(image)

/** Every container of an object whose image is missing or not named by digest. @param at the place of an offset in its file */
export const imageProblems = (object: YAMLMap, at: (offset: number) => string): readonly Problem[] => {
  const kind = String(object.get('kind'))
  const path = POD_SPEC[kind]
  const spec = path === undefined ? undefined : object.getIn(path)
  if (!isMap(spec)) return []
  const title = `${kind}/${object.getIn(['metadata', 'name'])}`
  return ['initContainers', 'containers'].flatMap((list) => {
    const containers = spec.get(list)
    if (!isSeq(containers)) return []
    return containers.items.flatMap((container, index) => {
      if (!isMap(container)) return []
      const name = String(container.get('name') ?? `${list}[${index}]`)
      const node = container.get('image', true)
      const image = isScalar(node) ? String(node.value ?? '') : ''
      if (isPinned(image)) return []
      const offset = (isScalar(node) ? node.range?.[0] : container.range?.[0]) ?? 0
      const text =
        image === ''
          ? `container ${name} of ${title} has no image`
          : `container ${name} of ${title} has an image without digest: ${image} (a tag can move; write name@sha256:…)`
      return [{ where: at(offset), text }]
    })
  })
}
