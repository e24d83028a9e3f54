import { parseEcrHost } from './host.ts'

/** A role to be taken on for one registry of ECR. `host` is in lower case. */
export type RegistryRole = { readonly host: string; readonly role: string }

/**
 * Reads the lines `HOST=ROLE_ARN` of the input aws-role-registries; empty lines and those that start with `#` are left out.
 * @returns the roles, or every line that cannot be one as a sentence that follows the input's name
 */
export const readRoles = (
  text: string,
): { readonly roles: readonly RegistryRole[] } | { readonly problems: readonly string[] } => {
  const lines = text.split('\n').flatMap((line, index) => {
    const entry = line.trim()
    return entry === '' || entry.startsWith('#') ? [] : [{ entry, number: index + 1 }]
  })
  const read = lines.map(({ entry, number }) => ({ number, ...readRole(entry) }))
  const roles = read.flatMap(({ role }) => (role === undefined ? [] : [role]))
  const problems = read.flatMap(({ number, problem, role }) => {
    if (problem !== undefined) return [`line ${number} ${problem}`]
    const first = read.find((other) => other.role?.host === role?.host)
    return first === undefined || first.number === number
      ? []
      : [`line ${number} names ${role?.host}, as line ${first.number} does`]
  })
  return problems.length > 0 ? { problems } : { roles }
}

const ARN = /^arn:(aws(?:-[a-z]+)*):iam::\d{12}:role\/[\w+=,.@/-]+$/

const readRole = (entry: string): { readonly role?: RegistryRole; readonly problem?: string } => {
  const at = entry.indexOf('=')
  if (at < 0) return { problem: `must be HOST=ROLE_ARN, not ${JSON.stringify(entry)}` }
  const host = entry.slice(0, at).trim().toLowerCase()
  const role = entry.slice(at + 1).trim()
  const registry = parseEcrHost(host)
  if (registry === undefined) {
    const example = '123456789012.dkr.ecr.eu-west-1.amazonaws.com or public.ecr.aws'
    return {
      problem: `must begin with a registry of ECR, such as ${example}, without a path, not ${JSON.stringify(host)}`,
    }
  }
  const partition = ARN.exec(role)?.[1]
  if (partition === undefined)
    return { problem: `must end with a role such as arn:aws:iam::123456789012:role/push, not ${JSON.stringify(role)}` }
  const wanted = registry.kind === 'public' ? 'aws' : registry.partition
  if (partition !== wanted)
    return { problem: `names a role of ${partition} for ${host}, which is in ${wanted}: no role reaches into another` }
  return { role: { host, role } }
}
