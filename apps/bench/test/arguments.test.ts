import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { requestOf, usage } from '../src/arguments.ts'
import { scenarios } from '../src/scenarios/scenarios.ts'

const request = (...args: string[]) => requestOf(args, scenarios)

describe('the command line', () => {
  test('without options asks for five rounds of everything on this Node', () => {
    expect(request()).toMatchObject({ quick: false, check: false, loaded: false, nodes: [], rounds: 5 })
    expect(request()).toMatchObject({ node: process.execPath })
    expect(request()).not.toHaveProperty('only')
  })

  test('takes as many rounds as it says', () => {
    expect(request('--quick', '--rounds', '9')).toMatchObject({ quick: true, rounds: 9 })
  })

  test('takes the paths of other Nodes, and whether the machine is to be loaded', () => {
    const path = process.execPath
    expect(request('--nodes', `${path}, ${path}`, '--loaded')).toMatchObject({ nodes: [path, path], loaded: true })
  })

  test('names scenarios and groups', () => {
    const asked = request('--only', 'publish-1, iterators')
    expect(asked).toMatchObject({ only: [{ id: 'publish-1' }, { id: 'iterators' }] })
    expect(request('--only', 'growth')).toMatchObject({ only: { length: 6 } })
  })

  test('names a page, and means all without one', () => {
    expect(request('--page', 'sqlite')).toMatchObject({ pages: ['sqlite'] })
    expect(request()).toMatchObject({ pages: ['process', 'sqlite', 'brokers'] })
  })

  test('takes a seed', () => {
    expect(request('--seed', '42')).toMatchObject({ seed: 42 })
  })

  test.for([
    { args: ['--only', 'publish-7'], message: /there is no scenario "publish-7"\nScenarios: publish-0, / },
    { args: ['--page', 'kafka'], message: /there is no page "kafka"\nPages: process, sqlite, brokers/ },
    { args: ['--rounds', '0'], message: /--rounds must be a whole number above 0, received 0/ },
    { args: ['--rounds', 'many'], message: /--rounds must be a whole number above 0, received many/ },
    { args: ['--seed', '-1'], message: /--seed/ },
    { args: ['--nodes', '/nowhere/node'], message: /--nodes: there is no Node \/nowhere\/node/ },
    { args: ['--fast'], message: /--fast/ },
    { args: ['everything'], message: /everything/ },
  ])('is refused for $args', ({ args, message }) => {
    expect(request(...args)).toMatch(message)
  })
})

test('the command shows its usage, and ends with 2 where it is wrong', { timeout: 60_000 }, () => {
  const bench = (...args: string[]) =>
    execFileSync(process.execPath, [join(import.meta.dirname, '../src/main.ts'), ...args], {
      encoding: 'utf8',
      stdio: 'pipe',
    })
  expect(bench('--help')).toBe(usage)
  expect(() => bench('--rounds', 'x')).toThrow(expect.objectContaining({ status: 2 }))
})
