import type { ExceptionUse, Found, Gate, Judged, Scan } from '../src/found.ts'

/** A vulnerability as most tests need one. */
export const found = (over: Partial<Found> = {}): Found => ({
  kind: 'vulnerability',
  id: 'CVE-2026-0001',
  severity: 'CRITICAL',
  title: 'a buffer is read past its end',
  target: 'ghcr.io/acme/shop:1.2.3 (debian 12.5)',
  type: 'os-pkgs/debian',
  package: {
    name: 'openssl',
    version: '3.0.11',
    purl: 'pkg:deb/debian/openssl@3.0.11?distro=debian-12.5',
    fixed: '3.0.13',
  },
  ...over,
})

/** What the gate makes of one; it fails where nothing else is said. */
export const judged = (one: Found, over: Partial<Judged> = {}): Judged => ({ found: one, state: 'fails', ...over })

/** An exception of an ignore file. */
export const use = (over: Partial<ExceptionUse> = {}, id = 'CVE-2026-0001'): ExceptionUse => ({
  exception: {
    id,
    source: 'trivyignore',
    where: '.trivyignore:3',
    kinds: ['vulnerability'],
    reason: 'not reached',
    expires: '2027-01-01',
  },
  used: 1,
  state: 'active',
  ...over,
})

/** The scan of an image. */
export const scan = (over: Partial<Scan> = {}): Scan => ({
  artifact: { name: 'ghcr.io/acme/shop:1.2.3', type: 'container_image' },
  os: { family: 'debian', name: '12.5', endOfLife: false },
  createdAt: '2026-11-22T03:00:00Z',
  scanner: '0.72.0',
  targets: 3,
  found: [],
  ...over,
})

/** A gate that shows all it judged. */
export const gate = (all: readonly Judged[], over: Partial<Gate> = {}): Gate => ({
  verdict: all.some(({ state }) => state === 'fails') ? 'fail' : 'pass',
  reason: { code: 'test', text: 'This is why', next: 'This is what to do.' },
  judged: all,
  shown: all,
  exceptions: [],
  notes: [],
  ...over,
})

/** What a report may hold that wants out of the place where it is shown. */
export const HOSTILE: readonly string[] = [
  '@octocat',
  '`@octocat`',
  'a`@octocat',
  'x | y',
  'x \\| y',
  '<img src=x onerror=alert(1)>',
  '</details><script>alert(1)</script>',
  '<!-- ',
  '-->',
  ']]>',
  '"><failure/>',
  '[click](https://evil.example)',
  '![x](https://evil.example/x.png)',
  '\n\n# heading\n\n@octocat',
  '# heading',
  'https://evil.example and www.evil.example',
  'octo/cat#12 GH-12 #12',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '\u202eevil\u0000\u001b[31m',
  '\ud800',
  '{0}',
  '%2e%2e/%00',
  '../../etc/passwd',
  '',
  ' ',
]
