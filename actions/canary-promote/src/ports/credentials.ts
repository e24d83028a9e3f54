import { existsSync, readFileSync } from 'node:fs'
import { Fault } from '@sluice/kit/faults'
import { mask } from '@sluice/kit/state'
import type { Inputs } from '../inputs.ts'
import type { Credentials } from './sources.ts'

/**
 * What the metric sources are asked with, masked in the log. AWS' may stand in the environment, where the actions that log in put them.
 * @throws Fault('input') for a prometheus-ca that is neither a certificate nor a file
 */
export const metricCredentials = (
  given: Pick<Inputs, Extract<keyof Inputs, `prometheus-${string}` | `datadog-${string}` | `aws-${string}`>>,
  env: Readonly<Record<string, string | undefined>>,
): Credentials => {
  const accessKeyId = given['aws-access-key-id'] ?? env.AWS_ACCESS_KEY_ID ?? ''
  const secretAccessKey = given['aws-secret-access-key'] ?? env.AWS_SECRET_ACCESS_KEY ?? ''
  // A token belongs to its key: that of the environment must not sign for a key that was given.
  const sessionToken = given['aws-access-key-id'] === undefined ? env.AWS_SESSION_TOKEN : given['aws-session-token']
  const headers = given['prometheus-headers']
  const secrets = [
    given['prometheus-token'],
    given['prometheus-password'],
    given['datadog-api-key'],
    given['datadog-application-key'],
    secretAccessKey,
    sessionToken,
    ...(headers ?? '').split('\n').map((line) => line.slice(line.indexOf(':') + 1).trim()),
  ]
  for (const secret of secrets) if (secret !== undefined && secret.length > 3) mask(secret)
  return {
    prometheus: {
      token: given['prometheus-token'],
      username: given['prometheus-username'],
      password: given['prometheus-password'],
      headers,
      ca: authority(given['prometheus-ca']),
    },
    datadog: { apiKey: given['datadog-api-key'], applicationKey: given['datadog-application-key'] },
    aws: async () => {
      if (accessKeyId === '' || secretAccessKey === '')
        throw new Fault(
          'input',
          'aws-access-key-id and aws-secret-access-key are empty, and so are AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
          "Log in to AWS in a step before, or give the inputs; in Sluice's workflows they are the environment's secrets CLOUDWATCH_ACCESS_KEY_ID and CLOUDWATCH_SECRET_ACCESS_KEY, where its login is not at AWS",
        )
      return { accessKeyId, secretAccessKey, sessionToken }
    },
  }
}

const authority = (ca: string | undefined): string | undefined => {
  if (ca === undefined || ca.includes('-----BEGIN CERTIFICATE-----')) return ca
  if (!existsSync(ca))
    throw new Fault(
      'input',
      `prometheus-ca: ${ca} is no file in ${process.cwd()}`,
      'Give a path, or the certificate as PEM',
    )
  return readFileSync(ca, 'utf8')
}
