import { type Call, readBody } from './calls.ts'
import { type Fields, isFields } from './objects.ts'
import { allows } from './rbac.ts'
import { isRefusal } from './refusals.ts'

/** Answers what the caller may do (SelfSubjectAccessReview) or who it is (SelfSubjectReview). */
export const review = async (call: Call, resource: string): Promise<unknown> => {
  const body = await readBody(call.request)
  if (isRefusal(body)) return body
  const object: Fields = isFields(body) ? body : {}
  if (resource === 'selfsubjectreviews') {
    return { ...object, status: { userInfo: { username: call.user.name, groups: ['system:authenticated'] } } }
  }
  const spec = isFields(object.spec) ? object.spec : {}
  const wanted = isFields(spec.resourceAttributes) ? spec.resourceAttributes : {}
  const text = (name: string): string | undefined =>
    typeof wanted[name] === 'string' && wanted[name] !== '' ? wanted[name] : undefined
  const subresource = text('subresource')
  const allowed = allows(call.user.rules, {
    verb: text('verb') ?? '',
    group: text('group') ?? '',
    resource: `${text('resource') ?? ''}${subresource === undefined ? '' : `/${subresource}`}`,
    namespace: text('namespace'),
    name: text('name'),
  })
  return { ...object, metadata: {}, status: { allowed } }
}
