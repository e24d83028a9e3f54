import { describe, expect, it } from 'vitest'
import { failureOf } from '../../src/build/failure.ts'
import { COMPLETED, captured, heard, logLine, STARTED, stepLine } from './captured.ts'

type Given = {
  readonly instruction?: string
  readonly error: string
  readonly wrote?: string
  readonly has?: boolean
  readonly file?: string
}

/** A failure as buildx tells of it: the step, the place between rules, the error. */
const failure = ({ instruction, error, wrote = '', has, file = 'Dockerfile' }: Given) => {
  const said = error.replace(/^failed to compute cache key: /, '')
  const { progress } = heard([
    stepLine({ started: STARTED }),
    logLine(wrote),
    stepLine({ started: STARTED, completed: COMPLETED, error: said }),
    ...(instruction === undefined
      ? []
      : [
          `${file}:3`,
          '--------------------',
          '   2 |     COPY busybox /bin/busybox',
          ...instruction.split('\n').map((line, index) => `   ${3 + index} | >>> ${line}`),
          '   9 |     ',
          '--------------------',
        ]),
    `ERROR: failed to build: failed to solve: ${error}`,
  ])
  return failureOf({ progress, dockerfile: 'shop/Dockerfile', ended: 'exit code 1' }, () => has)
}

it('reads a whole failure as buildx wrote it', () => {
  const { progress } = heard(captured('failed-run'))
  const found = failureOf({ progress, dockerfile: 'Dockerfile', ended: 'exit code 1' }, () => undefined)
  expect(found).toMatchObject({
    file: 'Dockerfile',
    line: 4,
    command: 'RUN ["/bin/busybox", "sh", "/st.sh"]',
    cause: 'RUN ["/bin/busybox", "sh", "/st.sh"] ended with exit code 3: not ok: Error: expected 1, got 2',
  })
  expect(found.hint).toBeUndefined()
  expect(found.lastLines).toHaveLength(20)
})

const ran = (code: string | number): string =>
  `process "/bin/sh -c make all" did not complete successfully: exit code: ${code}`

// What buildx 0.29 with BuildKit 0.25 said of each, but for what needs the internet: those are of their sources.
const CASES: readonly (readonly [string, Given, string | RegExp, RegExp | undefined])[] = [
  [
    'a killed program',
    { instruction: 'RUN make all', error: ran(137), wrote: 'Killed\n' },
    'RUN make all was killed (exit code 137)',
    /memory/,
  ],
  [
    'a program killed for memory',
    {
      instruction: 'RUN make all',
      error: 'process "/bin/sh -c make all" did not complete successfully: cannot allocate memory',
    },
    'RUN make all was killed (cannot allocate memory)',
    /memory/,
  ],
  [
    'a missing program',
    { instruction: 'RUN make all', error: ran(127), wrote: 'sh: nosuchtool: not found\n' },
    'RUN make all ended with exit code 127: sh: nosuchtool: not found',
    /install/,
  ],
  [
    'a file that may not be executed',
    { instruction: 'RUN make all', error: ran(126), wrote: 'sh: /x: Permission denied\n' },
    'RUN make all ended with exit code 126: sh: /x: Permission denied',
    /chmod/,
  ],
  [
    'an image without a shell',
    {
      instruction: 'RUN ls',
      error: ran(1),
      wrote:
        'runc run failed: unable to start container process: exec: "/bin/sh": stat /bin/sh: no such file or directory\n',
    },
    /^RUN ls ended with exit code 1: runc run failed/,
    /needs a shell/,
  ],
  [
    'another platform',
    { instruction: 'RUN ["/x"]', error: ran(1), wrote: 'exec /x: exec format error\n' },
    'RUN ["/x"] ended with exit code 1: exec /x: exec format error',
    /docker\/setup-qemu-action/,
  ],
  [
    'a full disk',
    {
      instruction: 'RUN dd',
      error: ran(1),
      wrote: "dd: error writing '/t/a': No space left on device\n2+0 records in\n",
    },
    "RUN dd ended with exit code 1: dd: error writing '/t/a': No space left on device",
    /space/,
  ],
  [
    'a name that a command cannot resolve',
    { instruction: 'RUN wget http://nosuch.invalid/', error: ran(1), wrote: "wget: bad address 'nosuch.invalid'\n" },
    /bad address 'nosuch.invalid'$/,
    /DNS/,
  ],
  [
    'an instruction of several lines',
    {
      instruction: 'RUN echo a && \\\n  exit 9',
      error: 'process "/bin/sh -c echo a &&   exit 9" did not complete successfully: exit code: 9',
    },
    'RUN echo a && ended with exit code 9',
    undefined,
  ],
  [
    'a file that is not there',
    {
      instruction: 'COPY nothere.txt /x',
      error:
        'failed to compute cache key: failed to calculate checksum of ref ftex9hf12j1xkwyog74676yob::jy5q6h9n821e3tg2mwdf1tm6v: "/nothere.txt": not found',
      has: false,
    },
    'There is no nothere.txt in the folder of the context',
    /correct context or the path/,
  ],
  [
    'a file that .dockerignore leaves out',
    {
      instruction: 'COPY secret.txt /x',
      error: 'failed to compute cache key: failed to calculate checksum of ref a::b: "/secret.txt": not found',
      has: true,
    },
    'secret.txt is in the folder of the context, and not in the context: .dockerignore leaves it out',
    /!secret\.txt/,
  ],
  [
    'a file that another stage lacks',
    {
      instruction: 'COPY --from=build /nothere /',
      error: 'failed to compute cache key: failed to calculate checksum of ref a::b: "/nothere": not found',
      has: true,
    },
    'There is no /nothere in build',
    /step of it/,
  ],
  [
    'an unknown instruction',
    {
      instruction: 'FRUN ls',
      error: 'dockerfile parse error on line 4: unknown instruction: FRUN (did you mean RUN?)',
    },
    'The Dockerfile cannot be read: unknown instruction: FRUN (did you mean RUN?)',
    /Correct/,
  ],
  [
    'an instruction without its arguments',
    { instruction: 'ENV a', error: 'ENV must have two arguments' },
    'ENV must have two arguments',
    undefined,
  ],
  [
    'upper case',
    {
      instruction: 'FROM Alpine:3',
      error:
        'failed to parse stage name "Alpine:3": invalid reference format: repository name (library/Alpine) must be lowercase',
    },
    'No image has upper-case letters in its name, as Alpine:3 has',
    /lower case/,
  ],
  [
    'a target that is not there',
    { error: 'target stage "nope" could not be found' },
    'The Dockerfile has no stage nope',
    /target/,
  ],
  [
    'a Dockerfile that is not there',
    { error: 'failed to read dockerfile: open Dockerfile: no such file or directory' },
    'There is no Dockerfile',
    /check the repository out/,
  ],
  [
    'a base image that is not there',
    {
      instruction: 'FROM 127.0.0.1:5911/nope/none:1',
      error:
        '127.0.0.1:5911/nope/none:1: failed to resolve source metadata for 127.0.0.1:5911/nope/none:1: 127.0.0.1:5911/nope/none:1: not found',
    },
    'There is no image 127.0.0.1:5911/nope/none:1',
    /stage/,
  ],
  [
    'a registry without an address',
    {
      instruction: 'FROM alpine:3',
      error:
        'alpine:3: failed to resolve source metadata for docker.io/library/alpine:3: failed to do request: Head "https://registry-1.docker.io/v2/library/alpine/manifests/3": dial tcp: lookup registry-1.docker.io on 127.0.0.11:53: no such host (did you mean alpine?)',
    },
    /^The base image alpine:3 was not reached: no such host/,
    /DNS/,
  ],
  [
    'a base image of others',
    {
      instruction: 'FROM acme/secret',
      error:
        'acme/secret: failed to resolve source metadata for docker.io/acme/secret:latest: pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed',
    },
    'The base image acme/secret:latest is not there, or may not be read',
    /Log in/,
  ],
  [
    'a rate limit',
    {
      instruction: 'FROM node:24',
      error:
        'node:24: failed to resolve source metadata for docker.io/library/node:24: failed to copy: httpReadSeeker: failed open: unexpected status code https://registry-1.docker.io/v2/library/node/manifests/24: 429 Too Many Requests - Server message: toomanyrequests: You have reached your unauthenticated pull rate limit',
    },
    /^The registry takes no more requests for now/,
    /docker\/login-action/,
  ],
  [
    'a certificate nobody knows',
    {
      instruction: 'FROM 192.0.2.2:5983/f/x',
      error:
        '192.0.2.2:5983/f/x: failed to resolve source metadata for 192.0.2.2:5983/f/x: failed to do request: Head "https://192.0.2.2:5983/v2/f/x/manifests/latest": tls: failed to verify certificate: x509: certificate signed by unknown authority',
    },
    /^The base image 192\.0\.2\.2:5983\/f\/x was not reached: certificate signed by unknown authority$/,
    /authority's own certificate/,
  ],
  [
    'a secret that was not given',
    { instruction: 'RUN --mount=type=secret,id=tok,required=true cat', error: 'secret tok: not found' },
    'The build asks for the secret tok, and was not given it',
    /tok=…/,
  ],
  [
    'an SSH key that was not given',
    { instruction: 'RUN --mount=type=ssh,required=true true', error: 'unset ssh forward key default' },
    'The build asks for an SSH key, and was not given default',
    /Add default to ssh/,
  ],
  [
    'an empty base image',
    { instruction: 'FROM $BASE', error: 'base name ($BASE) should not be blank' },
    'The name of a base image, $BASE, is empty',
    /build-args/,
  ],
  [
    'a base image whose registry gives no token',
    {
      instruction: 'FROM --platform=$BUILDPLATFORM 127.0.0.1:25075/none:1 AS build',
      error:
        'failed to fetch anonymous token: unexpected status from GET request to http://127.0.0.1:45181/token?scope=repository%3Anone%3Apull&service=registry.test: 401 Unauthorized',
    },
    'The base image 127.0.0.1:25075/none:1 is not there, or may not be read',
    /^Log in/,
  ],
  [
    'a push without a login',
    {
      error: `failed to push 127.0.0.1:5950/f/app: unexpected status from HEAD request to http://127.0.0.1:5950/v2/f/app/blobs/sha256:8ab2: 401 Unauthorized`,
    },
    '127.0.0.1:5950/f/app was not pushed: unexpected status from HEAD: 401 Unauthorized',
    /^Log in/,
  ],
  [
    'a push that is not allowed',
    { error: 'failed to push 127.0.0.1:5952/f/app: denied' },
    '127.0.0.1:5952/f/app was not pushed: denied',
    /may push/,
  ],
  [
    'a push of too much',
    { error: 'failed to push 127.0.0.1:5956/f/app: denied: quota exceeded' },
    '127.0.0.1:5956/f/app was not pushed: denied: quota exceeded',
    /quota raised/,
  ],
  [
    'a push to nowhere',
    {
      error:
        'failed to push 127.0.0.1:5953/f/app: unknown: The repository with name x does not exist in the registry with id 1',
    },
    /does not exist/,
    /ensure-repository/,
  ],
  [
    'a push to a registry with another certificate',
    {
      error: `failed to push 192.0.2.2:5983/f/x: failed to do request: Head "https://192.0.2.2:5983/v2/f/x/blobs/sha256:8ab2": tls: failed to verify certificate: x509: cannot validate certificate for 192.0.2.2 because it doesn't contain any IP SANs`,
    },
    /^192\.0\.2\.2:5983\/f\/x was not pushed: failed to do request: Head: tls: failed/,
    /certificate/,
  ],
  [
    'a builder that cannot',
    { error: 'push-by-digest is currently not implemented for docker driver, please create a new builder instance' },
    /^push-by-digest/,
    /docker\/setup-buildx-action/,
  ],
]

describe('the cause', () => {
  it.each(CASES)('of %s', (_name, given, cause, hint) => {
    const found = failure(given)
    if (typeof cause === 'string') expect(found.cause).toBe(cause)
    else expect(found.cause).toMatch(cause)
    if (hint === undefined) expect(found.hint).toBeUndefined()
    else expect(found.hint).toMatch(hint)
    expect(found.line).toBe(given.instruction === undefined ? 0 : 3)
    expect(found.file).toBe(given.instruction === undefined ? '' : 'shop/Dockerfile')
    expect(found.command).toBe(given.instruction ?? '')
  })

  it('is how buildx ended where it said nothing', () => {
    const { progress } = heard([])
    expect(failureOf({ progress, dockerfile: '', ended: 'the signal SIGKILL' }, () => undefined)).toEqual({
      file: '',
      line: 0,
      command: '',
      lastLines: [],
      cause: 'docker buildx build ended with the signal SIGKILL and said nothing',
    })
  })

  it('is short, whatever is said', () => {
    const found = failure({ error: `${'very '.repeat(100_000)}long` })
    expect(found.cause.length).toBeLessThan(510)
  })
})

it('names no file that is not the Dockerfile', () => {
  expect(failure({ instruction: 'RUN x', error: 'x', file: 'other.Dockerfile' })).toMatchObject({ file: '', line: 3 })
})
