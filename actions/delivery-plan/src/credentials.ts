import type { CanaryPlan } from '@sluice/delivery/canary'
import type { DeliveryPlan } from '@sluice/delivery/plan'
import type { Finding } from '@sluice/kit/report'

/**
 * What the sources of a canary's metrics will be asked with: nobody can see here whether an environment has a secret, so a person is told which to look
 * for before the release is approved. The names are those of canary.yml.
 */
export const credentialFindings = ({ production }: DeliveryPlan): readonly Finding[] => {
  if (production === null || !production.wanted) return []
  const plan = JSON.parse(production['canary-plan']) as CanaryPlan
  const used = new Set(
    (plan.metrics ?? [{ provider: undefined }]).map(({ provider }) => provider ?? plan.provider ?? 'pods'),
  )
  const of = `of the environment ${production.environment}`
  const note = (provider: string, text: string): Finding => ({
    id: 'metric-credentials',
    level: 'note',
    text: `the canary is measured by ${provider}, ${text}`,
  })
  const role = production.login?.aws?.role
  return [
    ...(used.has('prometheus') && plan.prometheus?.url !== undefined
      ? [
          note(
            'prometheus',
            `with the secrets PROMETHEUS_TOKEN, or PROMETHEUS_USERNAME and PROMETHEUS_PASSWORD, ${of} if it asks for any`,
          ),
        ]
      : []),
    ...(used.has('datadog')
      ? [note('datadog', `with the secrets DATADOG_API_KEY and DATADOG_APPLICATION_KEY ${of}`)]
      : []),
    ...(used.has('cloudwatch')
      ? [
          note(
            'cloudwatch',
            role === undefined
              ? `with the secrets CLOUDWATCH_ACCESS_KEY_ID and CLOUDWATCH_SECRET_ACCESS_KEY ${of}`
              : `as ${role}, which must be allowed cloudwatch:GetMetricData`,
          ),
        ]
      : []),
  ]
}
