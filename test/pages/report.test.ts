import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { page } from '@sluice/canary-report/page'
import type { CanaryReport } from '@sluice/canary-report/report'
import type { Series } from '@sluice/evidence/series'
import type { AxeResults } from 'axe-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { held, promoted, rolledBack, without } from '../../packages/canary-report/test/releases.ts'
import { findChromium, type Opened, type Reader, startReader } from './browser.ts'
import { PICTURES, pictureOf } from './pictures.ts'

const ROOT = join(import.meta.dirname, '../..')
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const DESK = { width: 1120, height: 900 }
const PHONE = { width: 360, height: 740 }

const chromium = findChromium(process.env)
if (chromium === undefined)
  process.stdout.write(
    'no Chromium here (CHROMIUM, PATH; apt-get install chromium): pages are not shown in a browser\n',
  )

const bad = rolledBack()
const hostile: CanaryReport = {
  ...bad,
  reason: {
    code: 'errors',
    text: '</p><script>alert(1)</script><img src="https://example.com/x.png" onerror="alert(2)">',
    next: '"><svg onload=alert(3)>',
  },
  subject: {
    image: {
      repository: 'https://example.com/<iframe src=//example.com>',
      digest: '</code><style>*{display:none}</style>',
    },
  },
}
const REPORTS: readonly (readonly [string, CanaryReport])[] = [
  ['that was promoted', promoted()],
  ['that was rolled back', bad],
  ['that was held in a shared outage', held()],
  ['of which only totals were kept', without(bad)],
  ['with hostile texts', hostile],
]

describe.skipIf(chromium === undefined)('in a browser,', { timeout: 120_000 }, () => {
  let reader: Reader
  beforeAll(async () => {
    reader = await startReader(chromium ?? '')
  }, 60_000)
  afterAll(() => reader?.close())

  describe.each(REPORTS)('the page of a release %s', (_, report) => {
    test('says nothing in the console and asks for nothing but itself', async () => {
      const { page: shown, said, asked } = await reader.open(page(report), { viewport: DESK })
      await shown.waitForLoadState('networkidle')
      expect(said).toEqual([])
      expect(asked).toEqual([])
    })

    test('has nothing serious that axe finds, in light and in dark, with every detail open', async () => {
      const opened = await reader.open(page(shortened(report)), {
        viewport: DESK,
        colorScheme: 'light',
        bypassCSP: true,
      })
      expect(await violations(opened)).toEqual([])
      await opened.page.emulateMedia({ colorScheme: 'dark' })
      expect(await violations(opened, COLOURS)).toEqual([])
    })

    test('shows its verdict and its pictures without JavaScript', async () => {
      const opened = await reader.open(page(report), { viewport: DESK, javaScriptEnabled: false })
      expect(await opened.page.locator('h1').isVisible()).toBe(true)
      expect(await opened.page.locator('svg.wide').first().isVisible()).toBe(
        (report.details.series ?? []).length > 0 || report.details.steps.length > 0,
      )
      expect(await opened.page.locator('.answers section').allInnerTexts()).toHaveLength(3)
    })

    test('is no wider than a phone, where every chart is the narrow one', async () => {
      const opened = await reader.open(page(report), { viewport: PHONE })
      expect(await opened.page.evaluate('document.documentElement.scrollWidth')).toBe(PHONE.width)
      expect(await opened.page.locator('svg.wide >> visible=true').count()).toBe(0)
      expect(await opened.page.locator('svg.narrow >> visible=true').count()).toBe(
        await opened.page.locator('figure').count(),
      )
    })

    test('prints as a PDF, in ink on white, with its details open', async () => {
      const opened = await reader.open(page(report), { viewport: DESK, colorScheme: 'dark' })
      const pdf = await opened.page.pdf({ format: 'A4', printBackground: true })
      expect(pdf.subarray(0, 5).toString()).toBe('%PDF-')
      await opened.page.emulateMedia({ media: 'print' })
      const row = opened.page.locator('details').last().locator('tbody tr').last()
      expect((await row.boundingBox())?.height).toBeGreaterThan(5)
      const ink = await opened.page.evaluate('getComputedStyle(document.body).color')
      expect(ink).toBe('rgb(23, 33, 45)')
    })
  })

  test('what axe would call serious is found, also in dark mode alone', async () => {
    const dark = page(without(bad)).replace('--soft: #a0adbb', '--soft: #3a3f45')
    const opened = await reader.open(dark.replace('<html lang="en">', '<html>'), { viewport: DESK, bypassCSP: true })
    expect((await violations(opened)).join('\n')).toMatch(/^html-has-lang: html$/)
    await opened.page.emulateMedia({ colorScheme: 'dark' })
    expect((await violations(opened, COLOURS)).join('\n')).toMatch(/^color-contrast: /)
  })

  test('what a page may not do is found', async () => {
    const broken = page(bad).replace('</body>', '<img src="https://example.com/x.png"><script>alert(1)</script></body>')
    const { said } = await reader.open(broken, { viewport: DESK })
    expect(said.join('\n')).toMatch(/Content Security Policy/)
  })

  test.each(PICTURES)(
    'the picture $path, which README shows, is of the page as it is now, and small',
    async ({ mode, path }) => {
      const [kept, now] = [readFileSync(join(ROOT, path)), await pictureOf(reader, mode)]
      expect(readFileSync(join(ROOT, 'README.md'), 'utf8')).toContain(path)
      expect(kept.length).toBeLessThan(200_000)
      const [width, height] = sizeOf(kept)
      // Another machine's fonts may break a line elsewhere.
      expect(sizeOf(now)[0]).toBe(width)
      expect(Math.abs(sizeOf(now)[1] / height - 1)).toBeLessThan(0.1)
    },
  )
})

/** The same report with a few intervals of each metric, around the canary's first: axe looks at every cell. */
const shortened = (report: CanaryReport): CanaryReport => {
  const { series, ...details } = report.details
  if (series === undefined) return report
  const few = <T>(all: readonly T[]): readonly T[] => all.slice(8, 16)
  const short = (each: Series): Series =>
    each.kind === 'gauge'
      ? { ...each, samples: few(each.samples), baseline: few(each.baseline), canary: few(each.canary) }
      : { ...each, samples: few(each.samples), baseline: few(each.baseline), canary: few(each.canary) }
  return { ...report, details: { ...details, series: series.map(short) } }
}

/** Of axe's rules those that a change of colours can break. */
const COLOURS = { runOnly: ['color-contrast', 'link-in-text-block'] }

/** What axe finds that is serious or worse, one line each. */
const violations = async ({ page: shown }: Opened, options: object = {}): Promise<readonly string[]> => {
  await shown.evaluate('for (const each of document.querySelectorAll("details")) each.open = true')
  await shown.evaluate(AXE)
  const results = (await shown.evaluate(`axe.run(${JSON.stringify(options)})`)) as AxeResults
  return results.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(
      ({ id, nodes }) =>
        `${id}: ${nodes
          .map(({ target }) => target.join(' '))
          .slice(0, 3)
          .join(', ')}`,
    )
}

/** Width and height of a PNG, which stand at its beginning. */
const sizeOf = (png: Buffer): readonly [number, number] => [png.readUInt32BE(16), png.readUInt32BE(20)]
