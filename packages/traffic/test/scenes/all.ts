import { routerContract, type Target } from '../router.contract.ts'
import { albScene } from './alb.ts'
import { gatewayScene } from './gateway-api.ts'
import { istioScene } from './istio.ts'
import { nginxScene } from './nginx.ts'
import { replicasScene } from './replicas.ts'
import { traefikScene } from './traefik.ts'

/** The contract of every router, to be run against whatever cluster `start` gives. */
export const ROUTERS: readonly ((start: () => Promise<Target>) => void)[] = [
  (start) => routerContract('gateway-api', start, gatewayScene, { marks: true, mirror: true, testers: ['header'] }),
  (start) => routerContract('istio', start, istioScene, { marks: true, mirror: true, testers: ['header', 'cookie'] }),
  (start) => routerContract('nginx', start, nginxScene, { marks: true, mirror: false, testers: ['header', 'cookie'] }),
  (start) =>
    routerContract('traefik', start, traefikScene, { marks: true, mirror: false, testers: ['header', 'cookie'] }),
  (start) => routerContract('alb', start, albScene, { marks: true, mirror: false, testers: [] }),
  (start) => routerContract('replicas', start, replicasScene, { marks: false, mirror: false, testers: [] }),
]
