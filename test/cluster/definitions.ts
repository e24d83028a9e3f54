import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { type Access, apply, call } from './access.ts'
import { sourceOf } from './modules.ts'

type Definition = { readonly kind?: string; readonly metadata: { readonly name: string } }

/** Custom resource definitions by the module that carries them: those that a data plane here serves, and those that objects are checked against. */
const SOURCES: readonly { readonly module: string; readonly files: readonly string[] }[] = [
  {
    module: 'sigs.k8s.io/gateway-api@v1.3.0',
    files: ['gatewayclasses', 'gateways', 'grpcroutes', 'httproutes', 'referencegrants'].map(
      (kind) => `config/crd/standard/gateway.networking.k8s.io_${kind}.yaml`,
    ),
  },
  {
    module: 'github.com/traefik/traefik/v3@v3.5.4',
    files: ['docs/content/reference/dynamic-configuration/kubernetes-crd-definition-v1.yml'],
  },
  {
    module: 'github.com/argoproj/argo-rollouts@v1.8.3',
    files: ['rollout', 'analysis-run', 'analysis-template', 'cluster-analysis-template', 'experiment'].map(
      (kind) => `manifests/crds/${kind}-crd.yaml`,
    ),
  },
  { module: 'istio.io/api@v1.27.3', files: ['kubernetes/customresourcedefinitions.gen.yaml'] },
  { module: 'github.com/kedacore/keda/v2@v2.18.1', files: ['config/crd/bases/keda.sh_scaledobjects.yaml'] },
]

const COLLECTION = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'

/** Applies every definition and waits until the API server serves them all. */
export const applyDefinitions = async (access: Access): Promise<void> => {
  const found = SOURCES.flatMap(({ module, files }) => {
    const source = sourceOf(module)
    return files.flatMap((file) => documents(readFileSync(join(source, file), 'utf8')))
  })
  await Promise.all(found.map((definition) => apply(access, COLLECTION, definition)))
  const end = performance.now() + 30_000
  for (const { metadata } of found) {
    while (
      !/"type":"Established","status":"True"|"status":"True"[^}]*"type":"Established"/.test(
        (await call(access, 'GET', `${COLLECTION}/${metadata.name}`)).text,
      )
    ) {
      if (performance.now() > end) throw new Error(`the API server does not serve ${metadata.name}`)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}

const documents = (text: string): readonly Definition[] =>
  parseAllDocuments(text)
    .map((document) => document.toJS() as Definition | null)
    .filter((one): one is Definition => one?.kind === 'CustomResourceDefinition')
