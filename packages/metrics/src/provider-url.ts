import { Fault } from '@sluice/kit/faults'

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/

/**
 * The address of a provider that a plan names, without its last slash. Keys go there, so it is https, or a server on this machine.
 * @param where names the key, for the fault
 * @throws Fault('input') for anything else
 */
export const providerUrl = (url: string, where: string): string => {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed?.protocol === 'https:' || (parsed?.protocol === 'http:' && LOOPBACK.test(parsed.hostname)))
    return url.replace(/\/+$/, '')
  throw new Fault(
    'input',
    `${where}: ${parsed === undefined ? `"${url}" is no URL` : `${parsed.origin} is not https`}`,
    'Credentials are sent there: use https',
  )
}
