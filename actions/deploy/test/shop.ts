import { type Sandbox, startSandbox } from '@sluice/sandbox/sandbox'

const digest = (letter: string): `sha256:${string}` => `sha256:${letter.repeat(64)}`

/** Images of a small shop: two that work, one that ends at once, one that never gets ready. */
export const IMAGES = {
  first: `shop@${digest('a')}`,
  second: `shop@${digest('b')}`,
  crashes: `shop@${digest('c')}`,
  sulks: `shop@${digest('d')}`,
  unknown: `shop@${digest('e')}`,
}

const SERVER = `require('node:http').createServer((request, response) => {
  response.statusCode = process.env.SULKS && request.url === '/ready' ? 503 : 200
  response.end(process.env.VERSION)
}).listen(Number(process.env.PORT), process.env.HOST)`

const node = (script: string, env: Record<string, string> = {}) => ({ command: [process.execPath, '-e', script], env })

/** A sandbox that knows the shop's images. */
export const startShop = (): Promise<Sandbox> =>
  startSandbox({
    namespaces: ['shop'],
    images: {
      [digest('a')]: node(SERVER, { VERSION: 'first' }),
      [digest('b')]: node(SERVER, { VERSION: 'second' }),
      [digest('c')]: node(`console.error('no database at db:5432'); process.exit(3)`),
      [digest('d')]: node(SERVER, { VERSION: 'sulks', SULKS: '1' }),
    },
  })

/** The shop's manifests: a ConfigMap, a Service and a Deployment. */
export const manifests = (name = 'shop'): string => `apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
spec:
  replicas: \${REPLICAS}
  progressDeadlineSeconds: 600
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: app
          image: \${IMAGE}
          ports: [{ name: http, containerPort: 8080 }]
          envFrom: [{ configMapRef: { name: ${name} } }]
          readinessProbe: { httpGet: { path: /ready, port: http }, periodSeconds: 1 }
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: ${name}
data:
  greeting: "\${GREETING}"
---
apiVersion: v1
kind: Service
metadata:
  name: ${name}
spec:
  selector: { app: ${name} }
  ports: [{ name: http, port: 80, targetPort: http }]
`
