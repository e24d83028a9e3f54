import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

/** The machine's own Chromium (`CHROMIUM`, or by its names in PATH); `undefined` where there is none. No browser is fetched. */
export const findChromium = (env: NodeJS.ProcessEnv): string | undefined =>
  [
    ...(env.CHROMIUM ? [env.CHROMIUM] : []),
    ...(env.PATH ?? '').split(delimiter).flatMap((folder) => NAMES.map((name) => join(folder, name))),
  ].find(isProgram)

const NAMES = ['chromium', 'chromium-browser', 'google-chrome']

const isProgram = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** A browser that shows pages from files, as a person opens the one of an artifact. */
export type Reader = {
  readonly open: (html: string, options?: BrowserContextOptions) => Promise<Opened>
  readonly close: () => Promise<void>
}

/** A page that is open. `said`: its console, errors and dialogs. `asked`: what it asked for beside itself. */
export type Opened = { readonly page: Page; readonly said: readonly string[]; readonly asked: readonly string[] }

/** Starts Chromium. As root it has no sandbox of its own; what it opens is ours. */
export const startReader = async (executablePath: string): Promise<Reader> => {
  const browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--font-render-hinting=none'],
  })
  const folder = mkdtempSync(join(tmpdir(), 'sluice-pages-'))
  let opened = 0
  return {
    open: (html, options = {}) => {
      opened += 1
      return openPage(browser, join(folder, `${opened}.html`), { html, options })
    },
    close: async () => {
      await browser.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const openPage = async (
  browser: Browser,
  file: string,
  { html, options }: { readonly html: string; readonly options: BrowserContextOptions },
): Promise<Opened> => {
  writeFileSync(file, html)
  const address = pathToFileURL(file).href
  const page = await (await browser.newContext(options)).newPage()
  const [said, asked]: [string[], string[]] = [[], []]
  page.on('console', (message) => said.push(`${message.type()}: ${message.text()}`))
  page.on('pageerror', (error) => said.push(`error: ${error.message}`))
  page.on('dialog', (dialog) => {
    said.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('request', (request) => {
    if (request.url() !== address) asked.push(request.url())
  })
  await page.goto(address, { waitUntil: 'load' })
  return { page, said, asked }
}
