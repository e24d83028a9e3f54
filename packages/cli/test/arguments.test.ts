import { Fault } from '@sluice/kit/faults'
import { describe, expect, test } from 'vitest'
import { parseArguments } from '../src/arguments.ts'

const actions = [
  { name: 'deploy', inputs: ['manifests', 'values', 'image', 'namespace'] },
  { name: 'canary-promote', inputs: ['mode', 'deployment', 'namespace'] },
]
const parse = (...argv: string[]) => parseArguments(argv, actions)
const problem = (...argv: string[]): string => {
  try {
    parse(...argv)
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.kind === 'input') return thrown.message
    throw thrown
  }
  return ''
}

describe('an action', () => {
  test('gets its inputs as they are written, with = or as the next word', () => {
    expect(parse('deploy', '--manifests', 'k8s', '--values=A=1\nB=2', '--image', '')).toEqual({
      kind: 'action',
      action: 'deploy',
      given: { manifests: 'k8s', values: 'A=1\nB=2', image: '' },
      fromSource: false,
      summary: undefined,
    })
  })

  test('from-source and summary are the command line’s own, not inputs', () => {
    expect(parse('deploy', '--from-source', '--summary', 'out.md', '--image', 'a')).toMatchObject({
      given: { image: 'a' },
      fromSource: true,
      summary: 'out.md',
    })
  })

  test('status is canary-promote in mode status', () => {
    expect(parse('status', '--deployment', 'shop')).toMatchObject({
      action: 'canary-promote',
      given: { deployment: 'shop', mode: 'status' },
    })
  })
})

describe('a judgement', () => {
  test('of a file alone is by this project’s judge', () => {
    expect(parse('judge', 'record.json')).toEqual({
      kind: 'judge',
      options: { file: 'record.json', judge: 'sluice', compatible: false, format: undefined, page: undefined },
    })
  })

  test('takes every flag, before or after the file, which - says is standard input', () => {
    expect(parse('judge', '--judge', 'kayenta', '--compatible', '-', '--format=json', '--page', 'out.html')).toEqual({
      kind: 'judge',
      options: { file: '-', judge: 'kayenta', compatible: true, format: 'json', page: 'out.html' },
    })
  })
})

describe('a rehearsal', () => {
  test('without flags is the one with errors, live, from bundles', () => {
    expect(parse('rehearse')).toEqual({
      kind: 'rehearse',
      options: {
        fault: 'errors',
        act: 'none',
        json: false,
        live: true,
        fromSource: false,
        second: false,
        repository: undefined,
        service: '',
        report: '.sluice/rehearsal',
        seed: 1,
        cluster: undefined,
        docker: false,
        registry: undefined,
      },
    })
  })

  test('takes every flag', () => {
    expect(
      parse(
        'rehearse',
        '--fault',
        'hang',
        '--cancel',
        '--no-live',
        '--report=out',
        '--seed',
        '7',
        '--repository',
        '..',
      ),
    ).toMatchObject({
      options: { fault: 'hang', act: 'cancel', live: false, report: 'out', seed: 7, repository: '..' },
    })
  })

  test.each([
    { argv: ['--cancel'], act: 'cancel', second: false, fault: 'none' },
    { argv: ['--cancel', '--fault', 'latency'], act: 'cancel', second: false, fault: 'latency' },
    { argv: ['--kill-runner'], act: 'kill-twice', second: false, fault: 'none' },
    { argv: ['--kill-runner=twice'], act: 'kill-twice', second: false, fault: 'none' },
    { argv: ['--kill-runner=once', '--second-only'], act: 'kill-once', second: true, fault: 'none' },
    { argv: ['--kill'], act: 'kill-twice', second: false, fault: 'none' },
    { argv: ['--no-kill-runner'], act: 'none', second: false, fault: 'errors' },
    { argv: ['--approve', 'no'], act: 'refuse', second: true, fault: 'none' },
    { argv: ['--approve=yes'], act: 'none', second: false, fault: 'errors' },
  ])('with $argv is $act', ({ argv, act, second, fault }) => {
    expect(parse('rehearse', ...argv)).toMatchObject({ options: { act, second, fault } })
  })

  test.each([
    { argv: ['--cluster'], cluster: '' },
    { argv: ['--cluster=other', '--cancel'], cluster: 'other' },
    { argv: ['--no-cluster'], cluster: undefined },
  ])('with $argv stands on the cluster $cluster', ({ argv, cluster }) => {
    expect(parse('rehearse', ...argv)).toMatchObject({ options: { cluster } })
  })

  test.each([
    { argv: ['--with-docker'], docker: true, registry: undefined },
    { argv: ['--with-docker', '--registry', 'localhost:5000'], docker: true, registry: 'localhost:5000' },
    { argv: ['--with-docker', '--cluster'], docker: true, registry: undefined },
    { argv: ['--no-with-docker'], docker: false, registry: undefined },
  ])('with $argv builds: $docker', ({ argv, docker, registry }) => {
    expect(parse('rehearse', ...argv)).toMatchObject({ options: { docker, registry } })
  })

  test('with --json shows nothing live', () => {
    expect(parse('rehearse', '--json')).toMatchObject({ options: { json: true, live: false } })
  })
})

test.each([
  { name: 'no word', argv: [], kind: 'help' },
  { name: '--help', argv: ['--help'], kind: 'help' },
  { name: '--help after a command', argv: ['deploy', '--image', 'x', '--help'], kind: 'help' },
  { name: '--version', argv: ['--version'], kind: 'version' },
])('$name is $kind', ({ argv, kind }) => expect(parse(...argv).kind).toBe(kind))

describe('a mistake', () => {
  test.each([
    { name: 'an unknown command comes with the nearest', argv: ['reherse'], says: /did you mean "rehearse"/ },
    {
      name: 'an unknown action comes with the nearest',
      argv: ['canary-promot'],
      says: /did you mean "canary-promote"/,
    },
    {
      name: 'an unknown flag comes with the nearest',
      argv: ['rehearse', '--falt', 'hang'],
      says: /did you mean "--fault"/,
    },
    {
      name: 'an unknown input comes with the nearest',
      argv: ['deploy', '--manifest', 'x'],
      says: /did you mean "--manifests"/,
    },
    { name: 'a registry that nothing is pushed to', argv: ['rehearse', '--registry', 'a:1'], says: /--with-docker/ },
    {
      name: 'a registry that is none',
      argv: ['rehearse', '--with-docker', '--registry', 'http://a'],
      says: /a host and a port/,
    },
    {
      name: 'a registry beside a cluster that has one',
      argv: ['rehearse', '--with-docker', '--cluster', '--registry', 'a:1'],
      says: /pull from the cluster's own/,
    },
    {
      name: 'an unknown fault comes with the nearest',
      argv: ['rehearse', '--fault', 'error'],
      says: /did you mean "errors"/,
    },
    { name: 'a flag without its value', argv: ['rehearse', '--fault'], says: /--fault needs a value/ },
    {
      name: 'a flag whose value is the next flag',
      argv: ['rehearse', '--fault', '--kill'],
      says: /--fault needs a value/,
    },
    { name: 'a switch with a value', argv: ['rehearse', '--kill=yes'], says: /--kill stands alone/ },
    { name: 'two things at once', argv: ['rehearse', '--cancel', '--approve', 'no'], says: /one at a time/ },
    { name: 'an answer that is none', argv: ['rehearse', '--approve', 'maybe'], says: /yes or no, not "maybe"/ },
    { name: 'a kill that is none', argv: ['rehearse', '--kill-runner=often'], says: /once or twice, not "often"/ },
    {
      name: 'a kill in a moment that never comes',
      argv: ['rehearse', '--fault', 'never-ready', '--kill-runner'],
      says: /no such moment/,
    },
    { name: 'a cluster that can be none', argv: ['rehearse', '--cluster=../x'], says: /--cluster stands alone, or/ },
    {
      name: 'an outage that pods of a real cluster would not see',
      argv: ['rehearse', '--cluster', '--fault', 'outage'],
      says: /--fault outage is not for --cluster: .* Leave --cluster out/,
    },
    {
      name: 'a repository that no image can be made of',
      argv: ['rehearse', '--cluster', '--repository', '.'],
      says: /--repository is for the embedded cluster/,
    },
    { name: 'a flag given twice', argv: ['rehearse', '--seed', '1', '--seed', '2'], says: /--seed is given twice/ },
    { name: 'a seed that is no number', argv: ['rehearse', '--seed', 'one'], says: /--seed must be a whole number/ },
    { name: 'a word that belongs to no flag', argv: ['rehearse', 'errors'], says: /unexpected "errors"/ },
    { name: 'a judge without a file', argv: ['judge'], says: /needs a file/ },
    { name: 'a judge of two files', argv: ['judge', 'a', 'b'], says: /unexpected "b"/ },
    { name: 'a judge that is none', argv: ['judge', 'a', '--judge', 'kayenat'], says: /did you mean "kayenta"/ },
    { name: 'a format that is none', argv: ['judge', 'a', '--format', 'xml'], says: /json or text, not "xml"/ },
    {
      name: 'faults of a judge that has none',
      argv: ['judge', 'a', '--compatible'],
      says: /use it with --judge kayenta/,
    },
    { name: 'a page without a name', argv: ['judge', 'a', '--page='], says: /--page must name a file/ },
    { name: 'a name that objects have by birth', argv: ['rehearse', '--constructor', 'x'], says: /unknown flag/ },
  ])('$name', ({ argv, says }) => expect(problem(...argv)).toMatch(says))

  test('all of them are told at once', () => {
    expect(problem('deploy', '--imge', 'a', '--valus', 'b').split('\n')).toHaveLength(2)
  })
})
