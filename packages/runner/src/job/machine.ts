import { mkdirSync, writeFileSync } from 'node:fs'
import { arch, platform } from 'node:os'
import { join } from 'node:path'
import type { JobRequest } from '../execution.ts'
import type { Json } from '../template.ts'

/** The folders of a machine, laid out as a self-hosted runner's, and what its contexts say of it. */
export type Machine = {
  readonly workspace: string
  readonly temp: string
  readonly home: string
  /** The `runner` context. */
  readonly runner: Readonly<Record<string, Json>>
  /** `github.workspace` and `github.event_path`. */
  readonly github: Readonly<Record<string, Json>>
}

/**
 * Makes the folders of a job: `_work/<repository>/<repository>` (empty), `_work/_temp`, `_work/_tool`, a HOME of its own, and the event's file.
 * Source: docs.github.com, "Contexts reference", runner context; `PipelineDirectoryManager` in actions/runner.
 */
export const makeMachine = ({ directory, checkout, contexts }: JobRequest, debug: boolean): Machine => {
  const work = join(directory, '_work')
  const name = checkout.repository.split('/').at(-1) ?? 'repository'
  const workspace = join(work, name, name)
  const [temp, tools, home] = [join(work, '_temp'), join(work, '_tool'), join(directory, 'home')]
  const event = join(temp, '_github_workflow/event.json')
  for (const folder of [workspace, join(temp, '_runner_file_commands'), join(temp, '_github_workflow'), tools, home])
    mkdirSync(folder, { recursive: true })
  writeFileSync(event, JSON.stringify(eventOf(contexts.github), undefined, 2))
  return {
    workspace,
    temp,
    home,
    runner: {
      os: platform() === 'darwin' ? 'macOS' : platform() === 'win32' ? 'Windows' : 'Linux',
      arch: arch() === 'arm64' ? 'ARM64' : arch().toUpperCase(),
      name: 'local',
      environment: 'self-hosted',
      temp,
      tool_cache: tools,
      workspace: join(work, name),
      ...(debug ? { debug: '1' } : {}),
    },
    github: { workspace, event_path: event },
  }
}

const eventOf = (github: Json | undefined): Json =>
  typeof github === 'object' && github !== null && 'event' in github ? (github.event ?? {}) : {}
