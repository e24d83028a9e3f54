import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { type Answer, CLIENT } from './traffic.ts'

/**
 * A process of its own that sends requests at a steady rate, whether or not earlier ones were answered, and tells its parent of each answer.
 * Argument 2: JSON of `Settings`. Ends when its parent goes away.
 */
export type Settings = {
  readonly url: string
  /** The path that is asked for, and the host that the route is for; empty: the URL's own. */
  readonly path: string
  readonly host: string
  /** Requests in each second. */
  readonly rate: number
  /** A request without an answer counts as lost after this many ms. */
  readonly timeout: number
  /** `intent<TAB>text` under a head line: tickets that are posted, in an order drawn from `seed`. Empty: plain GET requests. */
  readonly tickets: string
  readonly seed: number
}

const settings: Settings = JSON.parse(process.argv[2] ?? '')
const url = new URL(settings.path, settings.url)
const agent = new Agent({ keepAlive: true, keepAliveMsecs: 1_000, maxSockets: 512 })
const texts =
  settings.tickets === ''
    ? []
    : readFileSync(settings.tickets, 'utf8')
        .trimEnd()
        .split('\n')
        .slice(1)
        .map((line) => line.split('\t')[1] ?? '')

let answers: Answer[] = []
let state = settings.seed
/** Tickets carry a number, as they do in life: no two requests are the same, and which of them a fault strikes depends on nothing else. */
const draw = (): string => {
  if (texts.length === 0) return ''
  // A linear congruential generator (Numerical Recipes); its low bits repeat early, so the ticket is taken by the high ones.
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
  const text = texts[Math.floor((state / 2 ** 32) * texts.length)] ?? ''
  return JSON.stringify({ text: `${text} (ticket ${settings.seed}-${count})` })
}
const headersOf = (body: string): Record<string, string | number> => ({
  [CLIENT]: `${settings.seed}-${count}`,
  'user-agent': 'rehearsal-client',
  ...(settings.host === '' ? {} : { host: settings.host }),
  ...(body === '' ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
})

const send = (): void => {
  const body = draw()
  const at = Date.now()
  const from = performance.now()
  let told = false
  const tell = (status: number, release: string): void => {
    if (told) return
    told = true
    answers.push({ at, took: performance.now() - from, status, release })
  }
  const sent = request(
    url,
    {
      method: body === '' ? 'GET' : 'POST',
      agent,
      headers: headersOf(body),
    },
    (response) => {
      const release = response.headers['x-release']
      response.resume()
      response.once('end', () => tell(response.statusCode ?? 0, typeof release === 'string' ? release : ''))
      response.once('error', () => tell(0, ''))
    },
  )
  sent.setTimeout(settings.timeout, () => sent.destroy(new Error('time-out')))
  sent.once('error', () => tell(0, ''))
  sent.once('close', () => tell(0, ''))
  sent.end(body === '' ? undefined : body)
}

const begun = performance.now()
let count = 0
const pace = (): void => {
  const due = ((performance.now() - begun) / 1000) * settings.rate
  for (; count < due; count++) send()
}
setInterval(pace, 1000 / settings.rate / 2)
setInterval(() => {
  const batch = answers
  answers = []
  if (batch.length > 0 && process.connected) process.send?.(batch)
}, 100)
process.on('disconnect', () => process.exit(0))
// Ctrl-C is the parent's to act on.
process.on('SIGINT', () => {})
