import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { page } from '@sluice/canary-report/page'
import { rolledBack } from '../../packages/canary-report/test/releases.ts'
import { findChromium, type Reader, startReader } from './browser.ts'
import { indexed } from './palette.ts'

/** The pictures of README: the report page in both modes. */
export const PICTURES = (['light', 'dark'] as const).map((mode) => ({
  mode,
  path: `docs/pictures/canary-report-${mode}.png`,
}))

/** The upper part of the page of a simulated release that was rolled back, down to the evidence that decided. PNG. */
export const pictureOf = async (reader: Reader, mode: 'light' | 'dark'): Promise<Buffer> => {
  const width = 1120
  const opened = await reader.open(page(rolledBack()), { colorScheme: mode, viewport: { width, height: 1000 } })
  const decided = await opened.page.locator('article').first().boundingBox()
  if (decided === null) throw new Error('the page shows no metric over time')
  const height = Math.ceil(decided.y + decided.height) + 12
  return indexed(await opened.page.screenshot({ fullPage: true, clip: { x: 0, y: 0, width, height } }))
}

if (import.meta.main) {
  const chromium = findChromium(process.env)
  if (chromium === undefined)
    throw new Error('no Chromium here: install it (Debian: apt-get install chromium), or name it by CHROMIUM')
  const root = join(import.meta.dirname, '../..')
  const reader = await startReader(chromium)
  try {
    for (const { mode, path } of PICTURES) {
      mkdirSync(join(root, path, '..'), { recursive: true })
      writeFileSync(join(root, path), await pictureOf(reader, mode))
      console.log(`${path} written`)
    }
  } finally {
    await reader.close()
  }
}
