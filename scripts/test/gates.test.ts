import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Outcome } from '../command.ts'
import { House } from './house.ts'

// Each gate is run by its real configuration on a house of one-line packages: first unharmed, then with the fault.
const patience = 120_000

describe('oxlint', { timeout: patience }, () => {
  const faults = [
    {
      fault: 'a promise of another package that nobody awaits',
      file: 'packages/events/src/floating.ts',
      text: `import { later } from '@tidings/core'\nexport function start(): void {\n  later()\n}\n`,
      rule: 'typescript(no-floating-promises)',
    },
    {
      fault: 'an async function where its promise is lost',
      file: 'packages/core/src/misused.ts',
      text: `export function each(list: string[]): void {\n  list.forEach(async (item) => {\n    await Promise.resolve(item)\n  })\n}\n`,
      rule: 'typescript(no-misused-promises)',
    },
    {
      fault: 'a switch that forgets a case',
      file: 'packages/core/src/forgotten.ts',
      text: `export function name(state: 'open' | 'closed'): string | undefined {\n  switch (state) {\n    case 'open':\n      return state\n  }\n  return undefined\n}\n`,
      rule: 'typescript(switch-exhaustiveness-check)',
    },
    {
      fault: '`any` in a source',
      file: 'packages/core/src/any.ts',
      text: `export const value: any = 1\n`,
      rule: 'typescript(no-explicit-any)',
    },
    {
      fault: 'a line for the console in a source',
      file: 'packages/events/src/loud.ts',
      text: `export const greet = (): void => console.log('here')\n`,
      rule: 'eslint(no-console)',
    },
    {
      fault: 'a `node:` import in core',
      file: 'packages/core/src/node.ts',
      text: `export { join } from 'node:path'\n`,
      rule: 'eslint(no-restricted-imports)',
    },
    {
      fault: 'a `node:` type import in core',
      file: 'packages/core/src/node-type.ts',
      text: `export type { Stats } from 'node:fs'\n`,
      rule: 'eslint(no-restricted-imports)',
    },
    {
      fault: 'a dependency in core',
      file: 'packages/core/src/dependency.ts',
      text: `export { z } from 'zod'\n`,
      rule: 'eslint(no-restricted-imports)',
    },
    {
      fault: "a global of Node's in core",
      file: 'packages/core/src/process.ts',
      text: `export const cpu: string = process.arch\n`,
      rule: 'eslint(no-restricted-globals)',
    },
    {
      fault: 'an upward import in events',
      file: 'packages/events/src/upward.ts',
      text: `export { decorators } from '@tidings/decorators'\n`,
      rule: 'eslint(no-restricted-imports)',
    },
    {
      fault: 'an import of events in decorators, which only its tests may',
      file: 'packages/decorators/src/sideways.ts',
      text: `export { events } from '@tidings/events'\n`,
      rule: 'eslint(no-restricted-imports)',
    },
    {
      fault: 'files that import each other',
      file: 'packages/core/src/chicken.ts',
      text: `import { egg } from './egg.ts'\nexport const chicken = (): string => egg()\n`,
      rule: 'import(no-cycle)',
    },
  ]

  const house = new House()
  let clean: Outcome
  let found: { filename: string; code: string }[]
  beforeAll(async () => {
    house.write('packages/core/src/index.ts', `export const core: string = 'core'\n${later}`)
    clean = await house.run('oxlint')
    for (const { file, text } of faults) house.write(file, text)
    house.write(
      'packages/core/src/egg.ts',
      `import { chicken } from './chicken.ts'\nexport const egg = (): string => chicken()\n`,
    )
    const outcome = await house.run('oxlint', '--format=json')
    expect(outcome.code).toBe(1)
    found = (JSON.parse(outcome.stdout) as { diagnostics: typeof found }).diagnostics
  }, patience)
  afterAll(() => house[Symbol.dispose]())

  test('lets the house pass as it is', () => {
    expect(clean, clean.stdout).toMatchObject({ code: 0 })
  })

  test.for(faults)('refuses $fault', ({ file, rule }) => {
    expect(found.filter(({ filename }) => filename === file).map(({ code }) => code)).toEqual([rule])
  })
})

describe('turbo boundaries', { timeout: patience }, () => {
  test('lets the house pass as it is', async () => {
    using house = new House()
    house.write('packages/events/src/index.ts', `export { core } from '@tidings/core'\n`)
    expect(await house.run('turbo', 'boundaries')).toMatchObject({ code: 0 })
  })

  test.for([
    ['core', 'events'],
    ['core', 'decorators'],
    ['events', 'decorators'],
    ['decorators', 'bus'],
    ['bus', 'decorators'],
  ] as const)('refuses that %s depends upon %s', async ([lower, upper]) => {
    using house = new House()
    house.depend(lower, upper)
    house.write(`packages/${lower}/src/index.ts`, `export { ${upper} } from '@tidings/${upper}'\n`)
    const { code, stderr, stdout } = await house.run('turbo', 'boundaries')
    expect(code).toBe(1)
    expect(oneLine(stdout + stderr)).toContain(`allowlist for \`@tidings/${lower}\``)
  })

  test('refuses an import that climbs out of its package', async () => {
    using house = new House()
    house.write('packages/events/src/index.ts', `export { core } from '../../core/src/index.ts'\n`)
    const { code, stderr, stdout } = await house.run('turbo', 'boundaries')
    expect(code).toBe(1)
    expect(oneLine(stdout + stderr)).toContain('leaves the package')
  })

  test('refuses an import that the manifest does not declare', async () => {
    using house = new House()
    house.write('packages/core/src/index.ts', `export { z } from 'zod'\n`)
    const { code, stderr, stdout } = await house.run('turbo', 'boundaries')
    expect(code).toBe(1)
    expect(oneLine(stdout + stderr)).toContain('`zod` because it is not a dependency')
  })
})

describe('knip', { timeout: patience }, () => {
  test('refuses an export that nothing uses, a file that nothing imports and a dependency without a use', async () => {
    using house = new House()
    const args = ['--reporter=json', '--workspace=packages/core', '--workspace=packages/events']
    house.write('packages/core/src/index.ts', `export { used } from './used.ts'\n`)
    house.write('packages/core/src/used.ts', `export const used: string = 'used'\nexport const idle: string = 'idle'\n`)
    house.write('packages/core/src/stray.ts', `export const stray: string = 'stray'\n`)
    const { code, stdout } = await house.run('knip', ...args)
    expect(code).toBe(1)

    const { issues } = JSON.parse(stdout) as {
      issues: { file: string; exports: Named[]; files: Named[]; dependencies: Named[] }[]
    }
    const names = (file: string, kind: 'exports' | 'files' | 'dependencies'): string[] =>
      issues.filter((issue) => issue.file === file).flatMap((issue) => issue[kind].map(({ name }) => name))
    expect(names('packages/core/src/used.ts', 'exports')).toEqual(['idle'])
    expect(names('packages/core/src/stray.ts', 'files')).toEqual(['packages/core/src/stray.ts'])
    expect(names('packages/events/package.json', 'dependencies')).toEqual(['@tidings/core'])
  })
})

interface Named {
  name: string
}

const later = `export async function later(): Promise<void> {\n  await Promise.resolve()\n}\n`

/** Without the frames and line ends that a tool draws for people. */
function oneLine(text: string): string {
  return text.replaceAll(/\s+(?:\|\s+)?/g, ' ')
}
