import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { runProcess } from '../src/process.ts'
import { faulty, readSetting } from './faults.ts'

/** The service with faults around it, for rehearsals of a release. The image that is built for use starts `src/main.ts`. */
const setting = readSetting(process.env)
const { OUTAGE_FILE, FAULT_SEED = '1' } = process.env
await runProcess({
  classify: faulty(setting, {
    draw: (text) => createHash('sha256').update(`${FAULT_SEED} ${text}`).digest().readUInt32BE() / 2 ** 32,
    sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    exit: () => process.exit(70),
    outage: () => OUTAGE_FILE !== undefined && existsSync(OUTAGE_FILE),
  }),
  ready: (inner) => () => setting.fault !== 'never-ready' && inner(),
})
