import { describe, expect, it, test } from 'vitest'
import type { Scan } from '../src/found.ts'
import { readReport } from '../src/read-report.ts'

const scanOf = (report: unknown): Scan => {
  const read = readReport(JSON.stringify(report))
  if ('problem' in read) throw new Error(read.problem)
  return read.scan
}
const problemOf = (text: string): string => {
  const read = readReport(text)
  return 'problem' in read ? read.problem : 'it was read'
}
const withResult = (result: object): object => ({ ...TOP, Results: [{ Target: 'a', Class: 'lang-pkgs', ...result }] })

const TOP = { SchemaVersion: 2, ArtifactName: '.', ArtifactType: 'repository' }

const IMAGE = {
  SchemaVersion: 2,
  Trivy: { Version: '0.70.0' },
  CreatedAt: '2026-06-14T08:30:00.123456789Z',
  ArtifactName: 'registry.example.com/shop/api:1.4',
  ArtifactType: 'container_image',
  Metadata: {
    OS: { Family: 'debian', Name: '9.13', EOSL: true },
    RepoDigests: [`registry.example.com/shop/api@sha256:${'ab'.repeat(32)}`],
  },
  Results: [
    {
      Target: 'registry.example.com/shop/api:1.4 (debian 9.13)',
      Class: 'os-pkgs',
      Type: 'debian',
      Packages: [
        {
          ID: 'zlib1g@1.2',
          Name: 'zlib1g',
          Version: '1.2',
          Identifier: { PURL: 'pkg:deb/debian/zlib1g@1.2?arch=amd64' },
        },
        { ID: 'odd@1', Name: 'odd', Version: '1' },
      ],
      Vulnerabilities: [
        {
          VulnerabilityID: 'CVE-2026-0001',
          PkgID: 'zlib1g@1.2',
          PkgName: 'zlib1g',
          PkgIdentifier: { PURL: 'pkg:deb/debian/zlib1g@1.2?arch=amd64', UID: '1f' },
          InstalledVersion: '1.2',
          FixedVersion: '1.2.1, 1.3',
          Status: 'fixed',
          Severity: 'HIGH',
          SeveritySource: 'nvd',
          Title: 'zlib: a header is read twice',
          Description: 'long text that nobody needs here',
          VendorSeverity: { nvd: 4, debian: 1 },
          CVSS: { nvd: { V3Score: 8.1, V2Score: 5 }, redhat: { V3Score: 3.1 } },
          PrimaryURL: 'https://avd.example.com/cve-2026-0001',
          PublishedDate: '2026-03-01T10:00:00Z',
          LastModifiedDate: '2026-06-01T10:00:00Z',
        },
        {
          VulnerabilityID: 'CVE-2026-0002',
          PkgName: 'bash',
          InstalledVersion: '4.4',
          FixedVersion: '',
          Status: 'will_not_fix',
          Severity: 'LOW',
          CVSS: { nvd: { V3Score: 9.8 } },
        },
      ],
    },
    {
      Target: 'Java',
      Class: 'lang-pkgs',
      Type: 'jar',
      Vulnerabilities: [
        {
          VulnerabilityID: 'CVE-2026-0003',
          PkgName: 'org.example:lib',
          PkgPath: 'app/lib.jar',
          InstalledVersion: '2.0',
          Severity: 'CRITICAL',
          Title: '',
        },
      ],
    },
    {
      Target: 'Dockerfile',
      Class: 'config',
      Type: 'dockerfile',
      MisconfSummary: { Successes: 20, Failures: 1 },
      Misconfigurations: [
        { ID: 'DS-0001', Severity: 'MEDIUM', Status: 'PASS' },
        { ID: 'DS-0003', Severity: 'MEDIUM', Status: 'EXCEPTION' },
        {
          ID: 'DS-0002',
          AVDID: 'AVD-DS-0002',
          Title: 'The user is root',
          Severity: 'HIGH',
          Status: 'FAIL',
          PrimaryURL: 'https://avd.example.com/ds-0002',
          CauseMetadata: {
            Provider: 'Dockerfile',
            StartLine: 4,
            EndLine: 6,
            Code: { Lines: [{ Content: 'USER root' }] },
          },
        },
      ],
    },
    {
      Target: '/srv/deploy.sh',
      Class: 'secret',
      Secrets: [
        {
          RuleID: 'aws-secret-access-key',
          Category: 'AWS',
          Severity: 'CRITICAL',
          Title: 'AWS Secret Access Key',
          StartLine: 7,
          EndLine: 7,
          Code: { Lines: [{ Number: 6, Content: 'export AWS_ACCESS_KEY_ID=NEIGHBOUR' }] },
          Match: 'export AWS_SECRET_ACCESS_KEY=****',
        },
      ],
    },
    {
      Target: 'OS Packages',
      Class: 'license',
      Licenses: [
        {
          Severity: 'HIGH',
          Category: 'restricted',
          PkgName: 'bash',
          Name: 'GPL-3.0-only',
          Link: 'https://spdx.org/gpl3',
        },
      ],
    },
    {
      Target: 'Loose File License(s)',
      Class: 'license-file',
      Licenses: [{ Severity: 'UNKNOWN', Category: 'unknown', PkgName: '', FilePath: 'COPYING', Name: 'X11-odd' }],
    },
  ],
}

describe('a report of Trivy', () => {
  it('is read with every class, and no more of it than the gate needs', () => {
    expect(scanOf(IMAGE)).toEqual({
      artifact: {
        name: 'registry.example.com/shop/api:1.4',
        type: 'container_image',
        digest: `sha256:${'ab'.repeat(32)}`,
      },
      digests: [`sha256:${'ab'.repeat(32)}`],
      os: { family: 'debian', name: '9.13', endOfLife: true },
      createdAt: '2026-06-14T08:30:00.123456789Z',
      scanner: '0.70.0',
      targets: 6,
      packages: ['pkg:deb/debian/zlib1g@1.2?arch=amd64'],
      notes: [],
      doubts: [],
      found: [
        {
          kind: 'end-of-life',
          id: 'EOL-debian-9.13',
          severity: 'HIGH',
          title: 'debian 9.13 gets no more security fixes',
          target: 'registry.example.com/shop/api:1.4',
          type: 'os-pkgs/debian',
        },
        {
          kind: 'vulnerability',
          id: 'CVE-2026-0001',
          severity: 'HIGH',
          title: 'zlib: a header is read twice',
          target: 'registry.example.com/shop/api:1.4 (debian 9.13)',
          type: 'os-pkgs/debian',
          package: {
            name: 'zlib1g',
            version: '1.2',
            purl: 'pkg:deb/debian/zlib1g@1.2?arch=amd64',
            fixed: '1.2.1, 1.3',
            status: 'fixed',
          },
          published: '2026-03-01T10:00:00Z',
          url: 'https://avd.example.com/cve-2026-0001',
          score: 8.1,
        },
        {
          kind: 'vulnerability',
          id: 'CVE-2026-0002',
          severity: 'LOW',
          title: 'CVE-2026-0002 in bash',
          target: 'registry.example.com/shop/api:1.4 (debian 9.13)',
          type: 'os-pkgs/debian',
          package: { name: 'bash', version: '4.4', status: 'will_not_fix' },
        },
        {
          kind: 'vulnerability',
          id: 'CVE-2026-0003',
          severity: 'CRITICAL',
          title: 'CVE-2026-0003 in org.example:lib',
          target: 'Java',
          type: 'lang-pkgs/jar',
          package: { name: 'org.example:lib', version: '2.0', path: 'app/lib.jar' },
        },
        {
          kind: 'misconfiguration',
          id: 'DS-0002',
          aliases: ['AVD-DS-0002'],
          severity: 'HIGH',
          title: 'The user is root',
          target: 'Dockerfile',
          type: 'config/dockerfile',
          lines: { from: 4, to: 6 },
          url: 'https://avd.example.com/ds-0002',
        },
        {
          kind: 'secret',
          id: 'aws-secret-access-key',
          severity: 'CRITICAL',
          title: 'AWS Secret Access Key',
          target: '/srv/deploy.sh',
          type: 'secret',
          lines: { from: 7, to: 7 },
        },
        {
          kind: 'license',
          id: 'GPL-3.0-only',
          severity: 'HIGH',
          title: 'Licence (restricted) GPL-3.0-only of bash',
          target: 'OS Packages',
          type: 'license',
          package: { name: 'bash', version: '' },
          url: 'https://spdx.org/gpl3',
        },
        {
          kind: 'license',
          id: 'X11-odd',
          severity: 'UNKNOWN',
          title: 'Licence (unknown) X11-odd',
          target: 'COPYING',
          type: 'license-file',
        },
      ],
    })
  })

  it('keeps nothing of a secret but its rule and its line', () => {
    expect(JSON.stringify(scanOf(IMAGE))).not.toMatch(/NEIGHBOUR|\*\*\*\*/)
  })

  test.each([
    ['no Results', {}],
    ['Results that are null', { Results: null }],
    ['an empty list', { Results: [] }],
  ])('with %s has no targets', (_, over) => {
    expect(scanOf({ ...TOP, ...over })).toMatchObject({ targets: 0, found: [] })
  })

  it('counts a result in which nothing was found as a target', () => {
    expect(scanOf(withResult({}))).toMatchObject({ targets: 1, found: [] })
  })

  it('takes a status that it does not know for a failure of the check', () => {
    const { found } = scanOf(withResult({ Misconfigurations: [{ ID: 'X-1', Severity: 'HIGH', Status: 'NEW-WORD' }] }))
    expect(found.map(({ id }) => id)).toEqual(['X-1'])
  })

  it('takes a severity that it does not know for UNKNOWN, and says so', () => {
    const entries = ['SEVERE', 'SEVERE', undefined, 'high'].map((Severity) => ({ RuleID: 'r', Severity }))
    const scan = scanOf(withResult({ Secrets: entries }))
    expect(scan.found.map(({ severity }) => severity)).toEqual(['UNKNOWN', 'UNKNOWN', 'UNKNOWN', 'HIGH'])
    expect(scan.doubts).toEqual([
      {
        code: 'unknown-severity',
        text: `2 findings have the severity "SEVERE", which is none of Trivy's: taken for UNKNOWN`,
      },
      {
        code: 'unknown-severity',
        text: `1 finding has the severity "none at all", which is none of Trivy's: taken for UNKNOWN`,
      },
    ])
  })

  test.each<[string, object, RegExp]>([
    ['a class', withResult({ Class: 'malware' }), /^1 result is of the class "malware"/],
    ['a list of a result', withResult({ Malware: [{ ID: 'x' }] }), /entries under "Malware"/],
    ['a list whose name is misspelt', withResult({ vulnerabilities: [{}] }), /entries under "vulnerabilities"/],
    ['an object of a result', withResult({ Malware: { a: [1] } }), /entries under "Malware"/],
    ['a list of the report', { ...TOP, results: [{}] }, /entries under "results"/],
  ])('doubts %s that it does not know', (_, report, expected) => {
    const { doubts } = scanOf(report)
    expect(doubts).toEqual([{ code: 'unknown-content', text: expect.stringMatching(expected) }])
  })

  it('does not doubt what is empty, a plain word, or known and not judged', () => {
    const known = {
      Packages: [{}],
      MisconfSummary: { Successes: 1 },
      CustomResources: [{}],
      ExperimentalModifiedFindings: [{}],
    }
    for (const Class of ['os-pkgs', 'lang-pkgs', 'config', 'secret', 'license', 'license-file', 'custom'])
      expect(scanOf(withResult({ ...known, Class, New: [], Word: 'x', Nothing: null })).doubts).toEqual([])
  })

  it('names no more than five of what it does not know, and nothing that acts on a terminal', () => {
    const strange = Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`\u001b[2J\u202e${index}`, [1]]))
    const told = scanOf(withResult(strange)).doubts?.map(({ text }) => text)
    expect(told).toHaveLength(5)
    expect(told?.join('')).not.toMatch(/\p{Cc}|\\u001b|\u202e/u)
  })

  describe('of a system whose packages', () => {
    const of = (Family: string, Class: string) => ({
      ...withResult({ Class }),
      ArtifactType: 'container_image',
      Metadata: { OS: { Family, Name: '15' } },
    })
    it('were not looked at, is a doubt', () => {
      expect(scanOf(of('slackware', 'lang-pkgs')).doubts).toEqual([
        { code: 'system-not-scanned', text: expect.stringContaining('(slackware) were not looked at') },
      ])
    })
    it('were looked at, or were not to be, or that is none, is none', () => {
      expect(scanOf(of('debian', 'os-pkgs')).doubts).toEqual([])
      expect(scanOf(of('none', 'lang-pkgs')).doubts).toEqual([])
      expect(scanOf({ ...of('debian', 'os-pkgs'), Results: [] }).doubts).toEqual([])
      const secrets = readReport(JSON.stringify(of('debian', 'secret')), false)
      expect(secrets).toMatchObject({ scan: { doubts: [] } })
    })
  })

  test.each([[{}], [{ Family: '' }], [{ Family: 'none' }]])('has an end of life without a family: %j', (family) => {
    const { found, os } = scanOf({ ...withResult({}), Metadata: { OS: { Name: '7', EOSL: true, ...family } } })
    expect(os).toEqual({ family: 'unknown', name: '7', endOfLife: true })
    expect(found).toMatchObject([
      {
        kind: 'end-of-life',
        severity: 'HIGH',
        title: 'An operating system without a name: 7 gets no more security fixes',
      },
    ])
  })

  it('has no date where the text is none', () => {
    const entry = { VulnerabilityID: 'CVE-2026-1', PkgName: 'p', Severity: 'LOW', PublishedDate: 'yesterday' }
    expect(scanOf(withResult({ Vulnerabilities: [entry] })).found[0]).not.toHaveProperty('published')
  })

  it('says what the scanner left out by itself', () => {
    const scan = scanOf(withResult({ ExperimentalModifiedFindings: [{}, {}], CustomResources: [{}] }))
    expect(scan.notes).toEqual([
      '1 custom resources of the report are of no kind that is judged',
      'The scanner itself left 2 findings out (ignore files or VEX that it was given): they are not judged here',
    ])
  })

  it('may begin with a byte order mark', () => {
    expect(problemOf(`\ufeff${JSON.stringify(TOP)}`)).toBe('it was read')
  })
})

describe('what is no report of Trivy is named:', () => {
  test.each<[string, unknown, RegExp]>([
    ['the list that old releases wrote', [{ Target: 'a', Vulnerabilities: null }], /list, as Trivy before 0\.20/],
    ['SARIF', { version: '2.1.0', $schema: 'https://example.com/sarif-2.1.0.json', runs: [] }, /is SARIF/],
    [
      'a CycloneDX SBOM',
      { bomFormat: 'CycloneDX', specVersion: '1.6', components: [] },
      /CycloneDX SBOM.*give it as sbom/,
    ],
    ['an SPDX SBOM', { spdxVersion: 'SPDX-2.3', SPDXID: 'SPDXRef-DOCUMENT', packages: [] }, /SPDX SBOM/],
    ['a summary', { ID: 'docker-cis', Title: 'CIS', SummaryControls: [] }, /is a summary/],
    ['one of compliance', { ID: 'docker-cis', Title: 'CIS', Results: [] }, /one of compliance/],
    ['one of a cluster', { SchemaVersion: 2, ClusterName: 'kind', Resources: [] }, /Kubernetes cluster/],
    ["Grype's", { matches: [], descriptor: { name: 'grype' } }, /Grype's/],
    ['an attestation', { _type: 'x', predicateType: 'y', predicate: {} }, /attestation/],
    ['another schema', { SchemaVersion: 3, Results: [] }, /SchemaVersion 3, and 2/],
    ['a schema as text', { SchemaVersion: '2' }, /SchemaVersion "2"/],
    ['any other object', { results: [] }, /no SchemaVersion/],
    ['a bare value', 'pass', /bare JSON value/],
    ['null', null, /bare JSON value/],
  ])('%s', (_, document, expected) => {
    expect(problemOf(JSON.stringify(document))).toMatch(expected)
  })

  test.each<[string, string, RegExp]>([
    ['nothing', '', /is empty/],
    ['white space', ' \n\n', /is empty/],
    ['a table', 'package-lock.json (npm)\n====\nTotal: 2', /not JSON/],
    ['a report cut off in a text', JSON.stringify(IMAGE).slice(0, 900), /cut off after 900 characters/],
    ['a report cut off after a comma', '{"SchemaVersion":2,', /cut off after 19 characters/],
    ['two reports in one file', `${JSON.stringify(TOP)}${JSON.stringify(TOP)}`, /damaged JSON \(character 66\)/],
  ])('%s', (_, text, expected) => {
    expect(problemOf(text)).toMatch(expected)
  })

  it('without what stands at the place of the damage, which may be a secret', () => {
    expect(problemOf('{"Match": hunter2}')).not.toContain('hunter2')
  })
})

describe('nothing is dropped without a word:', () => {
  const entry = { VulnerabilityID: 'CVE-2026-1', PkgName: 'p', InstalledVersion: '1', Severity: 'HIGH' }
  test.each<[string, object, string]>([
    ['Results', { ...TOP, Results: { a: 1 } }, 'Results of the report is not a list'],
    ['a result', { ...TOP, Results: ['a'] }, 'Results[0] of the report is not an object'],
    ['a target', { ...TOP, Results: [{ Class: 'config' }] }, 'Target of Results[0] is not a text'],
    ['a class', { ...TOP, Results: [{ Target: 'a' }] }, 'Class of Results[0] is not there'],
    ['everything', { ...TOP, Results: [{}] }, 'Target of Results[0] is not a text'],
    ['a list', withResult({ Vulnerabilities: {} }), 'Vulnerabilities of Results[0] is not a list'],
    ['an entry', withResult({ Secrets: [null] }), 'Secrets[0] of Results[0] is not an object'],
    [
      'an id',
      withResult({ Vulnerabilities: [entry, { ...entry, VulnerabilityID: '' }] }),
      'VulnerabilityID of Results[0].Vulnerabilities[1] is not there',
    ],
    [
      'a severity by number',
      withResult({ Vulnerabilities: [{ ...entry, Severity: 3 }] }),
      'Severity of Results[0].Vulnerabilities[0] is not a text',
    ],
    [
      'a package',
      withResult({ Vulnerabilities: [{ ...entry, PkgName: null }] }),
      'PkgName of Results[0].Vulnerabilities[0]',
    ],
    ['a rule', withResult({ Secrets: [{ Severity: 'HIGH' }] }), 'RuleID of Results[0].Secrets[0] is not there'],
    ['a check', withResult({ Misconfigurations: [{ Severity: 'HIGH' }] }), 'ID of Results[0].Misconfigurations[0]'],
    ['a licence', withResult({ Licenses: [{ Severity: 'HIGH' }] }), 'Name of Results[0].Licenses[0] is not there'],
    [
      'a line',
      withResult({ Secrets: [{ RuleID: 'r', Severity: 'LOW', StartLine: '4' }] }),
      'StartLine of Results[0].Secrets[0] is not a line number',
    ],
    [
      'the end of life',
      { ...TOP, Metadata: { OS: { Family: 'a', EOSL: 'yes' } } },
      'EOSL of OS of Metadata of the report',
    ],
  ])('%s of the wrong type', (_, report, expected) => {
    expect(problemOf(JSON.stringify(report))).toContain(expected)
  })

  it('counts the other damage', () => {
    expect(problemOf(JSON.stringify(withResult({ Secrets: [1, 2, 3] })))).toContain('(and 2 more such places)')
  })
})
