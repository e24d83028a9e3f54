import { contentDoubts, severityDoubts, systemDoubts } from './doubts.ts'
import type { Found, Package, Scan, Severity } from './found.ts'
import { SEVERITIES } from './found.ts'

/**
 * Reads a report of Trivy (JSON, `SchemaVersion` 2, which every release since 0.20 writes). The fields are those of Trivy's own types
 * (https://trivy.dev/latest/docs/configuration/reporting/#json); what no decision needs, such as descriptions, code and matches of secrets, is not kept.
 * A document of another kind, and a report with entries that cannot be read, is a problem: a finding that was dropped would be a gate that is open.
 * @param vulnerabilities whether the scan looked for them, as far as anybody knows: a scan for nothing but secrets has no packages of the operating system
 */
export const readReport = (
  text: string,
  vulnerabilities = true,
): { readonly scan: Scan } | { readonly problem: string } => {
  const parsed = parse(text)
  if ('problem' in parsed) return parsed
  const foreign = foreignKind(parsed.json)
  if (foreign !== undefined) return { problem: foreign }
  const reading = newReading()
  const scan = scanOf(parsed.json as Fields, vulnerabilities, reading)
  const [first] = reading.damage
  if (first === undefined) return { scan }
  const more = reading.damaged === 1 ? '' : ` (and ${reading.damaged - 1} more such places)`
  return {
    problem: `The report has parts that cannot be read: ${first}${more}; write it again with trivy --format json, and leave it as it is.`,
  }
}

type Fields = Readonly<Record<string, unknown>>
/** An object of the report, and the way to it as people write it. */
type Entry = { readonly fields: Fields; readonly path: string }
/** What goes wrong while a report is read. */
type Reading = { readonly damage: string[]; damaged: number; readonly severities: Map<string, number> }

const newReading = (): Reading => ({ damage: [], damaged: 0, severities: new Map() })

const parse = (text: string): { readonly json: unknown } | { readonly problem: string } => {
  const clean = text.startsWith('\ufeff') ? text.slice(1) : text
  try {
    return { json: JSON.parse(clean) }
  } catch (thrown) {
    // The parser's message quotes the text, which may hold a secret: only the place is told.
    return { problem: brokenJson(clean, thrown instanceof Error ? thrown.message : '') }
  }
}

const brokenJson = (text: string, message: string): string => {
  const end = text.slice(-1000).trimEnd()
  if (end === '' && text.trim() === '') return 'The report is empty: the scan wrote nothing, so look at what it said.'
  const start = text.slice(0, 1000).trimStart()[0]
  if (start !== '{' && start !== '[')
    return 'The report is not JSON: write it with trivy --format json (a table, a template or a log cannot be judged).'
  const place = /position (\d+)/.exec(message)?.[1]
  if (/end of JSON|unterminated string/i.test(message) || Number(place) >= text.length)
    return `The report is cut off after ${text.length} characters: the scan was stopped or the disk is full, so scan again.`
  return `The report is damaged JSON${place === undefined ? '' : ` (character ${place})`}: write it again with trivy --format json, to a file of its own.`
}

/** The sentence for a document that is no report of Trivy on one artifact; `undefined` for one that is. */
const foreignKind = (json: unknown): string | undefined => {
  if (Array.isArray(json))
    return 'The report is a list, as Trivy before 0.20 wrote it: scan with a newer Trivy (SchemaVersion 2).'
  if (!isFields(json)) return 'The report is a bare JSON value: write it with trivy --format json.'
  const named = FOREIGN.find(({ has }) => has(json))
  if (named !== undefined) return named.problem
  const version = json.SchemaVersion
  if (version === 2) return undefined
  if (version === undefined)
    return 'The report has no SchemaVersion, so it is none of Trivy: write it with trivy --format json.'
  return `The report has SchemaVersion ${JSON.stringify(version).slice(0, 40)}, and 2 is the one that is known: use a Trivy that writes it, or a newer release of this action.`
}

const SCAN_INSTEAD = 'give the report that trivy --format json writes'
const FOREIGN: readonly { readonly has: (json: Fields) => boolean; readonly problem: string }[] = [
  {
    has: ({ runs, $schema }) => Array.isArray(runs) || (typeof $schema === 'string' && /sarif/i.test($schema)),
    problem: `The report is SARIF, which leaves out versions, dates and packages: ${SCAN_INSTEAD}.`,
  },
  {
    has: ({ bomFormat }) => bomFormat === 'CycloneDX',
    problem:
      'The report is a CycloneDX SBOM, which lists packages and no findings: give it as sbom, so that it is scanned.',
  },
  {
    has: ({ spdxVersion, SPDXID }) => typeof spdxVersion === 'string' || typeof SPDXID === 'string',
    problem:
      'The report is an SPDX SBOM, which lists packages and no findings: give it as sbom, so that it is scanned.',
  },
  {
    has: ({ SummaryControls, SummaryReport }) => SummaryControls !== undefined || SummaryReport !== undefined,
    problem: `The report is a summary, which counts findings and has none: ${SCAN_INSTEAD}, without --report summary.`,
  },
  {
    has: ({ ClusterName }) => ClusterName !== undefined,
    problem:
      'The report is one of a Kubernetes cluster (trivy k8s): scan each image or manifest by itself and give that report.',
  },
  {
    has: ({ ID, Results, SchemaVersion }) =>
      typeof ID === 'string' && Array.isArray(Results) && SchemaVersion === undefined,
    problem: `The report is one of compliance, ordered by controls: ${SCAN_INSTEAD}, without --compliance.`,
  },
  {
    has: ({ matches, descriptor }) => Array.isArray(matches) && descriptor !== undefined,
    problem: `The report is Grype's: ${SCAN_INSTEAD}.`,
  },
  {
    has: ({ predicateType, payloadType }) => predicateType !== undefined || payloadType !== undefined,
    problem: 'The report is wrapped in an attestation: take the predicate out of it and give that.',
  },
]

const scanOf = (fields: Fields, vulnerabilities: boolean, reading: Reading): Scan => {
  const top: Entry = { fields, path: 'the report' }
  const metadata = child(top, 'Metadata', reading)
  const name = text(top, 'ArtifactName', reading) ?? 'unknown'
  const results = list(top, 'Results', reading)
  const plain = results.map((result) => result.fields)
  const os = osOf(metadata, reading)
  const ended: readonly Found[] = os?.endOfLife === true ? [endOfLife(os, name)] : []
  const found = results.flatMap((result) => foundIn(result, reading))
  const packages = results.flatMap((result) => purlsIn(result, reading))
  const createdAt = text(top, 'CreatedAt', reading)
  const scanner = text(child(top, 'Trivy', reading), 'Version', reading)
  const digests = digestsOf(metadata)
  const [digest] = digests
  return {
    artifact: { name, type: text(top, 'ArtifactType', reading) ?? 'unknown', ...(digest && { digest }) },
    ...(digests.length > 0 && { digests }),
    ...(os && { os }),
    ...(createdAt && { createdAt }),
    ...(scanner && { scanner }),
    targets: results.length,
    found: [...ended, ...found],
    ...(packages.length > 0 && { packages }),
    notes: notesOf(results),
    doubts: [
      ...severityDoubts(reading.severities),
      ...contentDoubts(fields, plain),
      ...(vulnerabilities ? systemDoubts(os?.family === UNNAMED ? undefined : os?.family, plain) : []),
    ],
  }
}

const foundIn = (result: Entry, reading: Reading): readonly Found[] => {
  const { Target } = result.fields
  // Trivy always writes it, but has no name for the file behind some packages of an SBOM.
  if (typeof Target !== 'string') wrong(result, 'Target', 'a text', reading)
  const kind = required(result, 'Class', reading)
  const of = text(result, 'Type', reading)
  const shared = { target: typeof Target === 'string' ? Target : '', type: of === undefined ? kind : `${kind}/${of}` }
  const all: Found[] = []
  for (const entry of list(result, 'Vulnerabilities', reading)) all.push(vulnerability(entry, shared, reading))
  for (const entry of list(result, 'Misconfigurations', reading)) {
    const status = text(entry, 'Status', reading)
    if (status !== 'PASS' && status !== 'EXCEPTION') all.push(misconfiguration(entry, shared, reading))
  }
  for (const entry of list(result, 'Secrets', reading)) all.push(secret(entry, shared, reading))
  for (const entry of list(result, 'Licenses', reading)) all.push(license(entry, shared, reading))
  return all
}

type Shared = { readonly target: string; readonly type: string }

const vulnerability = (entry: Entry, shared: Shared, reading: Reading): Found => {
  const id = required(entry, 'VulnerabilityID', reading)
  const found = packageOf(entry, reading)
  const published = date(text(entry, 'PublishedDate', reading))
  const url = text(entry, 'PrimaryURL', reading)
  const score = scoreOf(entry, text(entry, 'SeveritySource', reading), reading)
  return {
    kind: 'vulnerability',
    id,
    severity: severityOf(entry, reading),
    title: text(entry, 'Title', reading) ?? `${id} in ${found.name}`,
    ...shared,
    package: found,
    ...(published && { published }),
    ...(url && { url }),
    ...(score !== undefined && { score }),
  }
}

const packageOf = (entry: Entry, reading: Reading): Package => {
  const purl = text(child(entry, 'PkgIdentifier', reading), 'PURL', reading)
  const path = text(entry, 'PkgPath', reading)
  const fixed = text(entry, 'FixedVersion', reading)
  const status = text(entry, 'Status', reading)
  return {
    name: required(entry, 'PkgName', reading),
    version: text(entry, 'InstalledVersion', reading) ?? '',
    ...(purl && { purl }),
    ...(path && { path }),
    ...(fixed && { fixed }),
    ...(status && { status }),
  }
}

const misconfiguration = (entry: Entry, shared: Shared, reading: Reading): Found => {
  const [given, older] = [text(entry, 'ID', reading), text(entry, 'AVDID', reading)]
  const id = given ?? older ?? required(entry, 'ID', reading)
  const url = text(entry, 'PrimaryURL', reading)
  const lines = linesOf(child(entry, 'CauseMetadata', reading), reading)
  return {
    kind: 'misconfiguration',
    id,
    ...(older && older !== id && { aliases: [older] }),
    severity: severityOf(entry, reading),
    title: text(entry, 'Title', reading) ?? id,
    ...shared,
    ...(lines && { lines }),
    ...(url && { url }),
  }
}

/** Of a secret nothing is kept but its rule and its place: `Code` and `Match` show what stands beside it. */
const secret = (entry: Entry, shared: Shared, reading: Reading): Found => {
  const id = required(entry, 'RuleID', reading)
  const lines = linesOf(entry, reading)
  return {
    kind: 'secret',
    id,
    severity: severityOf(entry, reading),
    title: text(entry, 'Title', reading) ?? text(entry, 'Category', reading) ?? id,
    ...shared,
    ...(lines && { lines }),
  }
}

const license = (entry: Entry, shared: Shared, reading: Reading): Found => {
  const id = required(entry, 'Name', reading)
  const [name, path] = [text(entry, 'PkgName', reading), text(entry, 'FilePath', reading)]
  const category = text(entry, 'Category', reading)
  const url = text(entry, 'Link', reading)
  return {
    kind: 'license',
    id,
    severity: severityOf(entry, reading),
    title: `${category === undefined ? 'Licence' : `Licence (${category})`} ${id}${name === undefined ? '' : ` of ${name}`}`,
    ...shared,
    ...(name === undefined && path !== undefined && { target: path }),
    ...(name !== undefined && { package: { name, version: '', ...(path && { path }) } }),
    ...(url && { url }),
  }
}

/**
 * HIGH, though the scanner gives it no severity: nobody mends what will be found in such a system, and the advisories of which a scan knows thin out, so that a clean scan of it
 * proves little. It is no single hole that can be used at once, so it is not CRITICAL.
 */
const endOfLife = (os: NonNullable<Scan['os']>, artifact: string): Found => ({
  kind: 'end-of-life',
  id: `EOL-${os.family}-${os.name}`.replace(/\s+/g, '-'),
  severity: 'HIGH',
  title: `${os.family === UNNAMED ? 'An operating system without a name:' : os.family} ${os.name} gets no more security fixes`,
  target: artifact,
  type: `os-pkgs/${os.family}`,
})

const osOf = (metadata: Entry | undefined, reading: Reading): Scan['os'] => {
  const os = child(metadata, 'OS', reading)
  const family = text(os, 'Family', reading)
  if (os === undefined) return undefined
  const ended = os.fields.EOSL
  if (ended !== undefined && ended !== null && typeof ended !== 'boolean') wrong(os, 'EOSL', 'true or false', reading)
  const isNamed = family !== undefined && family !== 'none'
  if (!isNamed && ended !== true) return undefined
  return {
    family: isNamed ? family : UNNAMED,
    name: text(os, 'Name', reading) ?? 'unknown',
    endOfLife: ended === true,
  }
}

/** The family of a system that gets no more fixes, and of which the report says no more. */
const UNNAMED = 'unknown'

const purlsIn = (result: Entry, reading: Reading): readonly string[] =>
  list(result, 'Packages', reading).flatMap((one) => text(child(one, 'Identifier', reading), 'PURL', reading) ?? [])

const digestsOf = (metadata: Entry | undefined): readonly string[] => {
  const digests = metadata?.fields.RepoDigests
  if (!Array.isArray(digests)) return []
  return digests.flatMap((one: unknown) =>
    typeof one === 'string' ? (/@(sha256:[0-9a-f]{64})$/.exec(one)?.[1] ?? []) : [],
  )
}

const scoreOf = (entry: Entry, source: string | undefined, reading: Reading): number | undefined => {
  if (source === undefined) return undefined
  const score = child(child(entry, 'CVSS', reading), source, reading)?.fields.V3Score
  return typeof score === 'number' ? score : undefined
}

const linesOf = (entry: Entry | undefined, reading: Reading): Found['lines'] => {
  const [from, to] = [line(entry, 'StartLine', reading), line(entry, 'EndLine', reading)]
  return from === undefined ? undefined : { from, to: to === undefined || to < from ? from : to }
}

const line = (entry: Entry | undefined, key: string, reading: Reading): number | undefined => {
  const value = entry?.fields[key]
  if (entry === undefined || value === undefined || value === null || value === 0) return undefined
  if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) return value
  return wrong(entry, key, 'a line number', reading)
}

const severityOf = (entry: Entry, reading: Reading): Severity => {
  const said = text(entry, 'Severity', reading) ?? 'none at all'
  const known = SEVERITIES.find((severity) => severity === said.toUpperCase())
  if (known !== undefined) return known
  reading.severities.set(said, (reading.severities.get(said) ?? 0) + 1)
  return 'UNKNOWN'
}

/** Only what is a date: a text that is none would count as one that lies in the past. */
const date = (said: string | undefined): string | undefined =>
  said !== undefined && /^\d{4}-\d\d-\d\dT/.test(said) && !Number.isNaN(Date.parse(said)) ? said : undefined

const notesOf = (results: readonly Entry[]): readonly string[] => {
  const count = (key: string): number =>
    results.reduce((sum, { fields }) => sum + (Array.isArray(fields[key]) ? fields[key].length : 0), 0)
  const [custom, suppressed] = [count('CustomResources'), count('ExperimentalModifiedFindings')]
  return [
    ...(custom > 0 ? [`${custom} custom resources of the report are of no kind that is judged`] : []),
    ...(suppressed > 0
      ? [
          `The scanner itself left ${suppressed} findings out (ignore files or VEX that it was given): they are not judged here`,
        ]
      : []),
  ]
}

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const wrong = (entry: Entry, key: string, expected: string, reading: Reading): undefined => {
  reading.damaged += 1
  if (reading.damage.length === 0) reading.damage.push(`${key} of ${entry.path} is not ${expected}`)
}

/** A text that may be left out; an empty one is as good as none. */
const text = (entry: Entry | undefined, key: string, reading: Reading): string | undefined => {
  const value = entry?.fields[key]
  if (entry === undefined || value === undefined || value === null || value === '') return undefined
  return typeof value === 'string' ? value : wrong(entry, key, 'a text', reading)
}

const required = (entry: Entry, key: string, reading: Reading): string => {
  const before = reading.damaged
  const value = text(entry, key, reading)
  if (value === undefined && reading.damaged === before) wrong(entry, key, 'there', reading)
  return value ?? ''
}

const child = (entry: Entry | undefined, key: string, reading: Reading): Entry | undefined => {
  const value = entry?.fields[key]
  if (entry === undefined || value === undefined || value === null) return undefined
  return isFields(value) ? { fields: value, path: `${key} of ${entry.path}` } : wrong(entry, key, 'an object', reading)
}

const list = (entry: Entry, key: string, reading: Reading): readonly Entry[] => {
  const value = entry.fields[key]
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) {
    wrong(entry, key, 'a list', reading)
    return []
  }
  const found: Entry[] = []
  const above = entry.path === 'the report' ? '' : `${entry.path}.`
  for (const [index, fields] of value.entries()) {
    const path = `${above}${key}[${index}]`
    if (isFields(fields)) found.push({ fields, path })
    else wrong(entry, `${key}[${index}]`, 'an object', reading)
  }
  return found
}
