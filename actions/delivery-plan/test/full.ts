/** A sluice.yml in which every key is used, as a value. */
export const FULL = {
  version: 1,
  services: {
    shop: {
      image: 'registry.example:5000/acme/shop',
      folder: 'services/shop',
      checks: [
        { name: 'unit tests', run: 'npm test', timeout: '10m', folder: 'sub', env: { LOG: 'debug', N: 3, F: true } },
      ],
      start: { run: 'node src/main.ts', port: 8080, ready: '/ready' },
      'smoke-deadline': '1m',
      smoke: [{ name: 'up', method: 'GET', path: '/', headers: {}, body: {}, expect: { status: 200 }, capture: {} }],
      deploy: {
        staging: { namespace: 'shop-staging', manifests: '../../manifests/staging' },
        production: {
          namespace: 'shop',
          manifests: ['a.yaml', 'b/*.yaml'],
          deployment: 'shop-web',
          container: 'web',
          service: 'shop-web',
          'service-port': 'http',
          values: { REPLICAS: 3, HOST: 'shop.example', EMPTY: '', ON: true },
          timeout: '5m',
          router: 'gateway-api',
          route: 'shop',
          rule: 0,
        },
      },
      plan: { 'max-hold': '20m' },
    },
    mail: {
      image: 'mail',
      smoke: 'smoke.yml',
      deploy: { staging: { namespace: 'mail', manifests: 'm', 'service-port': 8080 } },
    },
  },
  environments: {
    staging: {
      role: 'staging',
      'runs-on': 'ubuntu-latest',
      login: {
        gcp: {
          provider: 'projects/123/locations/global/workloadIdentityPools/github/providers/github',
          'service-account': 'deploy@shop.iam.gserviceaccount.com',
          project: 'shop',
          location: 'europe-west1',
          cluster: 'staging',
          recovery: { 'service-account': 'repair@shop.iam.gserviceaccount.com' },
        },
      },
    },
    production: {
      role: 'production',
      approval: 'environment',
      'approval-environment': 'people',
      'recovery-environment': 'repair',
      'runs-on': ['self-hosted', 'linux'],
      context: 'prod',
      login: {
        aws: {
          role: 'arn:aws:iam::123456789012:role/release',
          region: 'eu-west-1',
          cluster: 'prod',
          session: '4h',
          recovery: { session: '1h', role: 'arn:aws:iam::123456789012:role/repair' },
        },
      },
    },
    spare: {
      role: 'production',
      login: {
        azure: {
          'client-id': '00000000-0000-0000-0000-000000000000',
          'tenant-id': '00000000-0000-0000-0000-00000000000a',
          'subscription-id': '00000000-0000-0000-0000-00000000000B',
          'resource-group': 'shop',
          cluster: 'spare',
        },
      },
    },
  },
  plan: {
    steps: [
      { weight: 5, hold: '10m' },
      { weight: 50, hold: '0s' },
    ],
    interval: '5s',
    metrics: [{ name: 'errors', kind: 'ratio', max: '5%' }],
    'false-rollback-rate': 0.01,
    'on-inconclusive': 'rollback',
    'max-hold': '30m',
    drain: '30s',
    lease: '60s',
    'ready-within': '10m',
    'min-canary': 2,
    headroom: 0,
    'min-requests': 50,
    'warm-up': '0s',
    settle: '10s',
    provider: 'probe',
    scrape: { port: 9090, path: '/metrics' },
    probe: { method: 'GET', path: '/', port: 'http', headers: {}, body: '', requests: 5 },
    allow: ['networkpolicy/shop'],
  },
} as const
