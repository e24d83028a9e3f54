import type { KubernetesObject } from '@sluice/kubernetes/cluster'

/**
 * Who keeps an object as Git or a chart has it, by the marks that Argo CD, Flux and Helm leave, as a sentence with what follows from it for an image that
 * is set here; `undefined` where no mark is. An object that its own annotation takes out of Flux's hands is nobody's.
 * Sources: https://argo-cd.readthedocs.io/en/stable/user-guide/resource_tracking/, https://fluxcd.io/flux/components/kustomize/kustomizations/
 */
export const keptBy = ({ kind, metadata }: KubernetesObject): string | undefined => {
  const { labels = {}, annotations = {} } = metadata
  const what = `${kind}/${metadata.name}`
  const app = annotations['argocd.argoproj.io/tracking-id']?.split(':')[0] ?? labels['argocd.argoproj.io/instance']
  if (app !== undefined) return sentence(what, `Argo CD's Application ${app}`)
  const flux = labels['kustomize.toolkit.fluxcd.io/name']
  const left =
    annotations['kustomize.toolkit.fluxcd.io/reconcile'] === 'disabled' ||
    /^(IfNotPresent|Ignore)$/i.test(annotations['kustomize.toolkit.fluxcd.io/ssa'] ?? '')
  if (flux !== undefined) return left ? undefined : sentence(what, `Flux's Kustomization ${flux}`)
  const release = labels['helm.toolkit.fluxcd.io/name'] ?? annotations['meta.helm.sh/release-name']
  return release === undefined
    ? undefined
    : `${what} came with the Helm release ${release}: its next upgrade puts back the image of its values. Write the new one there, too`
}

const sentence = (what: string, who: string): string =>
  `${what} is kept by ${who}, which puts back the image that Git has unless it is told to leave it alone. Let Git carry the new image, or have that field ignored`
