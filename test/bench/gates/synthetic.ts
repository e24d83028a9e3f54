import { closeSync, openSync, writeSync } from 'node:fs'

const PER_RESULT = 2500
const SEVERITIES = ['CRITICAL', 'HIGH', 'HIGH', 'MEDIUM', 'MEDIUM', 'MEDIUM', 'LOW', 'LOW', 'UNKNOWN']
const WORDS =
  'a crafted request lets the parser of headers read past the end of a buffer that was freed before, so that a remote client crashes the service'.split(
    ' ',
  )

/**
 * Writes a report of made-up vulnerabilities in the shape of Trivy's JSON, piece by piece. It is the same for the same size. Some of its text is beyond Latin-1, as that of real
 * advisories is: JavaScript then takes two bytes for each character.
 * @param bytes about how large; the last finding goes beyond it
 */
export const writeSynthetic = (path: string, bytes: number): { readonly bytes: number; readonly findings: number } => {
  const file = openSync(path, 'w')
  let [written, findings] = [0, 0]
  const add = (text: string): void => {
    written += writeSync(file, text)
  }
  try {
    add(`${JSON.stringify(HEAD).slice(0, -1)},"Results":[`)
    for (let result = 0; written < bytes; result += 1) {
      const target = { Target: `services/s${result}/package-lock.json`, Class: 'lang-pkgs', Type: 'npm' }
      add(`${result === 0 ? '' : ','}${JSON.stringify(target).slice(0, -1)},"Vulnerabilities":[`)
      for (let index = 0; index < PER_RESULT && written < bytes; index += 1) {
        add(`${index === 0 ? '' : ',\n'}${JSON.stringify(vulnerability(findings), null, 1)}`)
        findings += 1
      }
      add(']}')
    }
    add(']}\n')
  } finally {
    closeSync(file)
  }
  return { bytes: written, findings }
}

const HEAD = {
  SchemaVersion: 2,
  Trivy: { Version: '0.0.0-synthetic' },
  CreatedAt: '2026-06-15T11:00:00.000000001Z',
  ArtifactName: 'synthetic',
  ArtifactType: 'repository',
}

const vulnerability = (number: number): object => {
  const of = <T>(choices: readonly T[], salt: number): T =>
    choices[(number * 7919 + salt * 104_729) % choices.length] as T
  const text = (words: number, salt: number): string =>
    Array.from({ length: words }, (_, index) => of(WORDS, salt + index * (1 + (number % 13)))).join(' ')
  const id = `CVE-${2015 + (number % 12)}-${10_000 + (number % 60_000)}`
  const name = `@scope-${number % 97}/package-${number % 5003}`
  const version = `${number % 9}.${number % 31}.${number % 7}`
  const fixed = number % 3 === 0 ? {} : { FixedVersion: `${number % 9}.${(number % 31) + 1}.0` }
  return {
    VulnerabilityID: id,
    PkgID: `${name}@${version}`,
    PkgName: name,
    PkgIdentifier: {
      PURL: `pkg:npm/${name.replace('@', '%40')}@${version}`,
      UID: (number * 2_654_435_761).toString(16).padStart(16, '0').slice(-16),
    },
    InstalledVersion: version,
    ...fixed,
    Status: number % 3 === 0 ? 'affected' : 'fixed',
    SeveritySource: 'ghsa',
    PrimaryURL: `https://avd.example.com/nvd/${id.toLowerCase()}`,
    DataSource: { ID: 'ghsa', Name: 'Advisories of npm', URL: 'https://advisories.example.com/?query=type%3Areviewed' },
    Title: `${name}: ${text(8, 1)}`,
    Description: `${text(60, 2)}${number % 5 === 0 ? ' – “as told by the reporter”' : ''}.\n\n${text(30, 3)}.`,
    Severity: of(SEVERITIES, 4),
    CweIDs: [`CWE-${number % 1200}`],
    VendorSeverity: { ghsa: number % 5, nvd: number % 4, redhat: 2 },
    CVSS: {
      ghsa: { V3Vector: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H', V3Score: (number % 100) / 10 },
      nvd: {
        V2Vector: 'AV:N/AC:L/Au:N/C:N/I:N/A:P',
        V3Vector: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H',
        V2Score: 5,
        V3Score: 7.5,
      },
    },
    References: Array.from({ length: 8 }, (_, index) => `https://example.com/advisories/${id.toLowerCase()}/${index}`),
    PublishedDate: `20${15 + (number % 12)}-0${1 + (number % 9)}-1${number % 9}T10:15:00Z`,
    LastModifiedDate: '2026-06-01T10:15:09.123Z',
  }
}
