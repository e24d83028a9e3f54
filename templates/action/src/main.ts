import { stat } from 'node:fs/promises'
import { type Outcome, reportPath, runAction } from '@sluice/kit/action'
import { Fault } from '@sluice/kit/faults'
import { readInputs } from '@sluice/kit/inputs'
import { currentRun, tool } from '@sluice/kit/run'
import { inputs as schema } from './inputs.ts'
import { type Ports, run } from './run.ts'
import { summarize } from './summary.ts'
import { reason } from './verdict.ts'

const main = async (): Promise<Outcome> => {
  const { env } = process
  const startedAt = new Date().toISOString()
  const inputs = readInputs(schema)
  const verdict = await run(inputs, ports)
  const why = reason(verdict, inputs.path, inputs['max-bytes'])
  const green =
    verdict.kind === 'pass' || (verdict.kind === 'nothing-to-check' && inputs['on-nothing-to-check'] === 'pass')
  return {
    outputs: { bytes: verdict.kind === 'nothing-to-check' ? '' : String(verdict.bytes) },
    report: {
      schema: 'sluice.dev/__NAME__/v1',
      tool: tool(env),
      subject: {},
      run: currentRun(env, process.pid),
      startedAt,
      endedAt: new Date().toISOString(),
      verdict: verdict.kind,
      reason: { code: verdict.code, ...why },
      findings:
        verdict.kind === 'fail' ? [{ id: verdict.code, level: 'error', text: why.text, where: inputs.path }] : [],
      details: { path: inputs.path, maxBytes: inputs['max-bytes'] },
    },
    reportPath: reportPath('__NAME__'),
    summary: summarize(verdict, inputs.path, inputs['max-bytes']),
    ...(green ? {} : { failed: `${why.text}. ${why.next}` }),
  }
}

const ports: Ports = {
  size: async (path) => {
    const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw new Fault('input', `path ${path} cannot be read: ${error.message}`)
    })
    if (found !== undefined && !found.isFile()) throw new Fault('input', `path ${path} is not a file`, 'Name a file')
    return found?.size
  },
  say: (line) => process.stdout.write(`${line}\n`),
}

void runAction('__NAME__', main)
