import { existsSync } from 'node:fs'
import { runProcess } from '../src/process.ts'
import { faulty, readSetting } from './faults.ts'

/** The service with faults around it, for rehearsals of a release. The image that is built for use starts `src/main.ts`. */
const setting = readSetting(process.env)
const { OUTAGE_FILE } = process.env
await runProcess({
  classify: faulty(setting, {
    random: Math.random,
    sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    exit: () => process.exit(70),
    outage: () => OUTAGE_FILE !== undefined && existsSync(OUTAGE_FILE),
  }),
  ready: (inner) => () => setting.fault !== 'never-ready' && inner(),
})
