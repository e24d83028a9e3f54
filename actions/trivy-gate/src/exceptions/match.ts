import type { Exception, Found, Scan } from '../found.ts'
import { compileGlob } from './glob.ts'
import { namesImage, sameImage } from './image.ts'
import { covers, type Purl, parsePurl } from './purl.ts'

/**
 * What a VEX statement speaks of: a product (package URL or another identifier; absent where it only has hashes or CPEs), and in it some packages; without `purls` the product itself, which is
 * everything in it if it is an image.
 */
export type Scope = { readonly product?: string; readonly purls?: readonly string[] }

/** An exception with what only VEX statements have. `aliases`: other names of the vulnerability. `scopes`: where it holds. `revoked`: where later statements say otherwise. */
export type Entry = Exception & {
  readonly aliases?: readonly string[]
  readonly scopes?: readonly Scope[]
  readonly revoked?: readonly Scope[]
}

/** What was scanned; absent: not known, so that nothing that is confined to an image is excused. */
export type Artifact = Scan['artifact']

/** Whether an entry speaks of something that was found: its id, kind, path and package. Expiry and strictness are the ledger's. */
export const excuses = (exception: Entry, found: Found, artifact?: Artifact): boolean =>
  matcher(exception, artifact)(found)

/** The same test, made ready once for many findings. A pattern or a package URL that cannot be read matches nothing. */
export const matcher = (entry: Entry, artifact?: Artifact): ((found: Found) => boolean) => {
  const ids = new Set([entry.id, ...(entry.aliases ?? [])])
  const isThere = pathTest(entry.paths)
  const isPackage = entry.scopes === undefined ? packageTest(entry.purls) : scopeTest(entry, artifact)
  return (found) =>
    entry.kinds.includes(found.kind) && namesOf(found).some((id) => ids.has(id)) && isThere(found) && isPackage(found)
}

/** The names that a finding is excused by. */
export const namesOf = (found: Found): readonly string[] => [found.id, ...(found.aliases ?? [])]

const pathTest = (paths: readonly string[] | undefined): ((found: Found) => boolean) => {
  if (paths === undefined) return () => true
  const tests = paths.map(compileGlob).filter((test) => typeof test !== 'string')
  return ({ target, package: of }) =>
    [target, of?.path].some((path) => path !== undefined && path !== '' && tests.some((test) => test(path)))
}

const packageTest = (purls: readonly string[] | undefined): ((found: Found) => boolean) => {
  if (purls === undefined) return () => true
  const wanted = purls.map(parsePurl).filter((purl) => purl !== undefined)
  return (found) => {
    const purl = purlOf(found)
    return purl !== undefined && wanted.some((each) => covers(each, purl))
  }
}

const purlOf = (found: Found): Purl | undefined =>
  found.package?.purl === undefined ? undefined : parsePurl(found.package.purl)

const scopeTest = (
  { scopes = [], revoked = [] }: Entry,
  artifact: Artifact | undefined,
): ((found: Found) => boolean) => {
  const revocations = revoked.map((scope) => ({ scope, isIn: inScope(scope, artifact, true) }))
  const ready = scopes.map((scope) => ({
    isIn: inScope(scope, artifact, false),
    revocations: revocations.map(({ scope: later, isIn }) => (isWhole(later, scope) ? () => true : isIn)),
  }))
  return (found) => ready.some(({ isIn, revocations }) => isIn(found) && !revocations.some((revokes) => revokes(found)))
}

/**
 * Whether a finding is in a scope. A product that is an image is compared with the artifact; of any other a report does not say whether it was scanned.
 * @param unknown what holds where there is nothing to compare with
 */
const inScope = (
  { product, purls }: Scope,
  artifact: Artifact | undefined,
  unknown: boolean,
): ((found: Found) => boolean) => {
  const isPackage = packageTest(purls)
  const purl = product === undefined ? undefined : parsePurl(product)
  if (purl !== undefined && namesImage(purl)) {
    const here = artifact === undefined ? unknown : sameImage(purl, artifact)
    return here ? isPackage : () => false
  }
  if (purls !== undefined) return isPackage
  return product === undefined ? () => false : packageTest([product])
}

/** Whether a later scope is about the whole of the product that an earlier one is of. */
const isWhole = (later: Scope, earlier: Scope): boolean => {
  if (later.purls !== undefined) return false
  // Neither has a name: it may be one product by its hashes, or two.
  if (later.product === earlier.product) return true
  if (later.product === undefined || earlier.product === undefined) return false
  const [one, other] = [parsePurl(later.product), parsePurl(earlier.product)]
  if (one === undefined || other === undefined) return false
  // Which version of a package's product was scanned is not known; of an image it is.
  return covers(one, other) || (!namesImage(one) && earlier.purls !== undefined && covers(other, one))
}
