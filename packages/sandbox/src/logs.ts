import { type Call, type ResourceCall, type ServerWorld, STREAMED } from './calls.ts'
import { PODS } from './kinds.ts'
import type { Pod } from './objects.ts'
import { badRequest, notFound } from './refusals.ts'
import { isTrue } from './requests.ts'

/** Answers a container's log: `container`, `tailLines`, `limitBytes`, `previous` and `follow`. */
export const log = (world: ServerWorld, call: Call, asked: ResourceCall): unknown => {
  const pod = world.api.store.get<Pod>(PODS, asked.namespace, asked.name ?? '')
  if (pod === undefined) return notFound(PODS, asked.name ?? '')
  const wanted = call.query.get('container') ?? undefined
  if (wanted === undefined && pod.spec.containers.length > 1) {
    const names = pod.spec.containers.map((container) => container.name).join(' ')
    return badRequest(`a container name must be specified for pod ${pod.metadata.name}, choose one of: [${names}]`)
  }
  const container = world.kubelet.container(pod, wanted)
  if (container === undefined) return badRequest(`container ${wanted} is not valid for pod ${pod.metadata.name}`)
  const status = container.status()
  const previous = isTrue(call.query.get('previous'))
  if (previous && status.restartCount === 0 && !('terminated' in status.lastState)) {
    return badRequest(`previous terminated container "${status.name}" in pod "${pod.metadata.name}" not found`)
  }
  if ('waiting' in status.state && container.log(false) === '' && !('terminated' in status.lastState)) {
    return badRequest(
      `container "${status.name}" in pod "${pod.metadata.name}" is waiting to start: ${status.state.waiting.reason}`,
    )
  }
  const text = lastLines(container.log(previous), call.query.get('tailLines'))
  const limit = Number(call.query.get('limitBytes') ?? Number.POSITIVE_INFINITY)
  call.response.writeHead(200, { 'content-type': 'text/plain' })
  if (!isTrue(call.query.get('follow'))) {
    call.response.end(text.slice(0, limit))
    return STREAMED
  }
  call.response.write(text)
  call.response.once(
    'close',
    container.onLog((more) => call.response.write(more)),
  )
  return STREAMED
}

const lastLines = (text: string, count: string | null): string => {
  if (count === null) return text
  const lines = text.split('\n')
  const closed = lines[lines.length - 1] === ''
  const wanted = Number(count)
  if (wanted === 0) return ''
  return lines.slice(-(wanted + (closed ? 1 : 0))).join('\n')
}
