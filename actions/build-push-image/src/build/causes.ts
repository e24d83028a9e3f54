import { short } from './text.ts'

/** What is known of a failure. */
export type Case = {
  /** What buildx said, without the words before that say nothing. */
  readonly error: string
  /** The instruction that failed; `''` for none. */
  readonly command: string
  /** The last lines that it wrote. */
  readonly lastLines: readonly string[]
  /** Whether the context's folder has this path; `undefined` where nobody can say. */
  readonly has: (path: string) => boolean | undefined
}

/** One sentence without a full stop, and what to do about it. */
export type Cause = { readonly cause: string; readonly hint?: string }

const LONGEST = 300

/** The first real cause of a failure, with a hint where it is one that is known. */
export const causeOf = (known: Case): Cause => {
  const { cause, hint } = ofCommand(known) ?? ofPush(known) ?? ofText(known) ?? { cause: known.error }
  const said = short(cause.replace(/\s+/g, ' ').trim().replace(/\.$/, ''), LONGEST)
  return hint === undefined ? { cause: said } : { cause: said, hint }
}

const ENDED = ' did not complete successfully: '
const EMULATION =
  'The image is of another platform than the builder: add docker/setup-qemu-action before, build on a runner of that platform, or compile for it in a stage FROM --platform=$BUILDPLATFORM'
const MEMORY = 'Most often there was not enough memory: let it do less at once, or use a larger runner'
const SPACE = 'Free some space in a step before, use a larger runner, or make the image smaller'

/** A RUN that ended with something else than 0. */
const ofCommand = ({ error, command, lastLines }: Case): Cause | undefined => {
  const at = error.lastIndexOf(ENDED)
  if (!error.startsWith('process "') || at < 0) return undefined
  const ended = error.slice(at + ENDED.length)
  const [, code = ''] = /^exit code: (\d{1,10})/.exec(ended) ?? []
  const log = lastLines.join('\n')
  const what = firstWords(command)
  const told = firstError(lastLines)
  const end = `${what} ended with ${code === '' ? ended : `exit code ${code}`}`
  const full = `${end}${told === undefined ? '' : `: ${told}`}`
  if (/exec format error|Invalid ELF image for this architecture/i.test(log)) return { cause: full, hint: EMULATION }
  if (/no space left on device/i.test(log)) return { cause: full, hint: SPACE }
  if (code === '137' || /cannot allocate memory/.test(ended))
    return { cause: `${what} was killed (${code === '' ? ended : `exit code ${code}`})`, hint: MEMORY }
  if (/unable to start container process: exec: /.test(log))
    return { cause: full, hint: 'The image has no such program: a RUN that is no JSON list needs a shell in the image' }
  if (code === '127')
    return {
      cause: full,
      hint: 'A program was not found: install it in a step before, or look how its name is written',
    }
  if (code === '126')
    return { cause: full, hint: 'A file may not be executed: COPY it with --chmod=755, and look at its first line' }
  const network = ofNetwork(log)
  return network === undefined ? { cause: full } : { cause: full, hint: network }
}

const ofNetwork = (text: string): string | undefined => {
  if (
    /no such host|could not resolve host|temporary failure in name resolution|server misbehaving|name or service not known|bad address/i.test(
      text,
    )
  )
    return 'A name could not be resolved: look how it is written, and whether the builder reaches its DNS'
  if (CERTIFICATE.test(text))
    return "A certificate is not trusted: give the builder, or the stage that asks, the authority's own certificate"
  return undefined
}

const CERTIFICATE =
  /x509: |certificate signed by unknown authority|failed to verify certificate|self[- ]signed certificate|certificate verify failed/i

const firstWords = (command: string): string => {
  const line = (command.split('\n')[0] ?? '').replace(/\s*\\$/, '').trim()
  return line === '' ? 'The command' : short(line, 120)
}

/** The first line that speaks of an error; the last one is often but the sum of them. */
const firstError = (lines: readonly string[]): string | undefined => {
  const found = lines.find((line) =>
    /\berror\b|\bERR!|\bfatal\b|not found|no such|denied|cannot |can't |failed|panic:/i.test(line),
  )
  const line = found ?? lines.at(-1)
  return line === undefined ? undefined : short(line.trim(), 200)
}

type Rule = readonly [RegExp, (found: RegExpExecArray, known: Case) => Cause]

const found = (match: RegExpExecArray, index: number): string => match[index] ?? ''

const RULES: readonly Rule[] = [
  [
    /^failed to calculate checksum of ref \S+: "([^"]{1,1000})": not found/,
    (match, known) => missing(found(match, 1), known),
  ],
  [
    /lstat (\S{1,1000}): no such file or directory/,
    (match, known) => missing(found(match, 1).replace(/^.*\/buildkit-mount\d+/, ''), known),
  ],
  [
    /dockerfile parse error on line \d+: ([\s\S]*)/,
    (match) => ({ cause: `The Dockerfile cannot be read: ${found(match, 1)}`, hint: 'Correct the instruction' }),
  ],
  [
    /failed to parse stage name "([^"]{1,500})": invalid reference format: repository name .* must be lowercase/,
    (match) => ({
      cause: `No image has upper-case letters in its name, as ${found(match, 1)} has`,
      hint: 'Write it in lower case, the name of a stage too',
    }),
  ],
  [
    /repository name \(?([^)]{0,500})\)? must be lowercase/,
    (match) => ({
      cause: `No image has upper-case letters in its name, as ${found(match, 1)} has`,
      hint: 'Write it in lower case',
    }),
  ],
  [
    /target stage "([^"]{1,500})" could not be found/,
    (match) => ({
      cause: `The Dockerfile has no stage ${found(match, 1)}`,
      hint: 'Correct target: it is what stands after AS',
    }),
  ],
  [
    /failed to read dockerfile: open ([^:]{1,500}): no such file or directory/,
    (match) => ({
      cause: `There is no ${found(match, 1)}`,
      hint: 'Correct dockerfile, a path in the workspace, or context; and check the repository out before',
    }),
  ],
  [
    /unable to prepare context: path "([^"]{1,500})" not found/,
    (match) => ({
      cause: `The context ${found(match, 1)} is not there`,
      hint: 'Correct context, and check the repository out before',
    }),
  ],
  [
    /^secret (\S{1,200}): not found/,
    (match) => ({
      cause: `The build asks for the secret ${found(match, 1)}, and was not given it`,
      hint: `Add a line ${found(match, 1)}=… to secrets`,
    }),
  ],
  [
    /unset ssh forward key (\S{1,200})/,
    (match) => ({
      cause: `The build asks for an SSH key, and was not given ${found(match, 1)}`,
      hint: `Add ${found(match, 1)} to ssh, with an agent in the step before`,
    }),
  ],
  [
    /base name \((.{0,200}?)\) should not be blank/,
    (match) => ({
      cause: `The name of a base image, ${found(match, 1)}, is empty`,
      hint: 'Give the ARG before FROM a default, or its value in build-args',
    }),
  ],
  [
    /(?:is|are) (?:currently )?not (?:supported|implemented) for (?:the )?docker driver|docker exporter does not currently support/i,
    (_match, { error }) => ({ cause: error, hint: 'Add docker/setup-buildx-action before: its builder can' }),
  ],
  [
    /no builder "?[^"]{0,200}"? found/,
    (_match, { error }) => ({ cause: error, hint: 'Add docker/setup-buildx-action before' }),
  ],
  [
    /cannot connect to the docker daemon|connection error: desc = |is the docker daemon running|error reading from server|closing transport|failed to receive status: /i,
    (_match, { error }) => ({
      cause: error,
      hint: 'Look whether the builder still runs: it may have been short of memory',
    }),
  ],
  [/no space left on device/i, (_match, { error }) => ({ cause: error, hint: SPACE })],
  [/exec format error/i, (_match, { error }) => ({ cause: error, hint: EMULATION })],
  [/cannot allocate memory|ResourceExhausted/, (_match, { error }) => ({ cause: error, hint: MEMORY })],
  [
    /granting entitlement (\S{1,100}) is not allowed|(network\.host|security\.insecure) is not allowed/,
    (_match, { error }) => ({
      cause: error,
      hint: 'This needs a builder that allows it: see buildkitd-flags of docker/setup-buildx-action',
    }),
  ],
]

const DENIED =
  /pull access denied|authorization failed|insufficient_scope|401 Unauthorized|403 Forbidden|unauthorized|denied/i

/** What the registry says of an image that is pushed. */
const ofPush = ({ error }: Case): Cause | undefined => {
  const [, name, said] = /^failed to push (\S{1,500}): ([\s\S]*)/.exec(error) ?? []
  if (name === undefined || said === undefined) return undefined
  const cause = `${name} was not pushed: ${said.replace(/ (?:request )?(?:to )?"?https?:\/\/[^\s"]*[^\s":]"?/g, '')}`
  if (/\bquota\b/i.test(said)) return { cause, hint: 'Delete what is not needed there, or have the quota raised' }
  if (/does not exist|name unknown|repository name not known/i.test(said))
    return {
      cause,
      hint: 'Create the repository, at ECR with ensure-repository: true, or look how its name is written',
    }
  if (DENIED.test(said)) return { cause, hint: 'Log in to that registry, with an account that may push there' }
  if (/server gave HTTP response to HTTPS client/i.test(said))
    return {
      cause,
      hint: "The registry has no TLS: name it as one without in the builder's configuration (http = true)",
    }
  const network = ofNetwork(said)
  return network === undefined ? { cause } : { cause, hint: network }
}

/** What is said of a base image, or of what ADD fetches. */
const ofImage = ({ error, command }: Case): Cause | undefined => {
  const [, image = error.startsWith('failed to fetch ') ? baseIn(command) : undefined] =
    /failed to resolve source metadata for (\S{1,500}):/.exec(error) ?? []
  const name = image === undefined ? undefined : image.replace(/^docker\.io\/(library\/)?/, '')
  if (/429 Too Many Requests|toomanyrequests|pull rate limit/i.test(error))
    return {
      cause: `The registry takes no more requests for now: ${error}`,
      hint: 'Log in to it in a step before, such as with docker/login-action: who is known may pull more',
    }
  const network = ofNetwork(error)
  if (network !== undefined)
    return {
      cause: name === undefined ? error : `The base image ${name} was not reached: ${lastPart(error)}`,
      hint: network,
    }
  if (name === undefined) return undefined
  if (/: not found( \(did you mean .{1,100}\?\))?$/.test(error))
    return {
      cause: `There is no image ${name}`,
      hint: 'Look how it and its tag are written; the name of a stage has to stand before it is used',
    }
  if (DENIED.test(error))
    return {
      cause: `The base image ${name} is not there, or may not be read`,
      hint: 'Log in to its registry in a step before, and look how its name is written',
    }
  if (/no match for platform in manifest/i.test(error))
    return {
      cause: `The base image ${name} is not made for this platform: ${lastPart(error)}`,
      hint: 'Leave the platform out, or use another base image',
    }
  return undefined
}

const baseIn = (command: string): string | undefined => /^FROM +(?:--\S{1,200} +)*(\S{1,500})/i.exec(command)?.[1]

const lastPart = (error: string): string => error.slice(error.lastIndexOf(': ') + 2)

const ofText = (known: Case): Cause | undefined => {
  for (const [pattern, make] of RULES) {
    const match = pattern.exec(known.error)
    if (match !== null) return make(match, known)
  }
  return ofImage(known)
}

/** A file that COPY or ADD did not find. */
const missing = (path: string, { command, has }: Case): Cause => {
  const shown = path.replace(/^\/+/, '')
  const from = /\s--from=(\S{1,200})/.exec(command)?.[1]
  if (from !== undefined)
    return { cause: `There is no ${path} in ${from}`, hint: `Look what ${from} has: a step of it may write elsewhere` }
  const there = has(shown)
  if (there === true)
    return {
      cause: `${shown} is in the folder of the context, and not in the context: .dockerignore leaves it out`,
      hint: `Add a line !${shown} to .dockerignore`,
    }
  const where = there === false ? 'There is no' : 'The context has no'
  return {
    cause: `${where} ${shown}${there === false ? ' in the folder of the context' : ''}`,
    hint: 'Paths are those of the context, not of the Dockerfile: correct context or the path, or make the file in a step before',
  }
}
