import { expect, test } from 'vitest'
import { keptBy } from '../src/kept.ts'

const shop = (labels: object, annotations: object = {}) =>
  keptBy({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'shop', labels: { ...labels }, annotations: { ...annotations } },
  })
const flux = { 'kustomize.toolkit.fluxcd.io/name': 'apps' }

test.each<[string, object, object, RegExp]>([
  [
    'Argo CD',
    {},
    { 'argocd.argoproj.io/tracking-id': 'shop:apps/Deployment:prod/shop' },
    /Argo CD's Application shop,/,
  ],
  ['Argo CD by its label', { 'argocd.argoproj.io/instance': 'shop' }, {}, /Argo CD's Application shop,/],
  ['Flux', flux, {}, /Flux's Kustomization apps,/],
  ['Helm', { 'app.kubernetes.io/managed-by': 'Helm' }, { 'meta.helm.sh/release-name': 'web' }, /the Helm release web:/],
  ["Flux's Helm", { 'helm.toolkit.fluxcd.io/name': 'web' }, {}, /the Helm release web:/],
])('an object that %s keeps is said to be', (_, labels, annotations, text) => {
  expect(shop(labels, annotations)).toMatch(text)
})

test.each<[string, object, object]>([
  ['nobody keeps', { app: 'shop', 'app.kubernetes.io/instance': 'shop' }, {}],
  ['Flux leaves alone', flux, { 'kustomize.toolkit.fluxcd.io/reconcile': 'disabled' }],
  ['Flux only makes', flux, { 'kustomize.toolkit.fluxcd.io/ssa': 'IfNotPresent' }],
])('an object that %s needs no word', (_, labels, annotations) => {
  expect(shop(labels, annotations)).toBeUndefined()
})
