import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { root } from '../workspace.ts'

test('docs/errors.md lists every error code of the sources, and no other', () => {
  expect(documented().toSorted()).toEqual([...thrown()].toSorted())
})

test('docs/errors.md lists no code twice', () => {
  expect(documented()).toHaveLength(new Set(documented()).size)
})

/** The first column of the table. */
function documented(): string[] {
  const text = readFileSync(join(root, 'docs/errors.md'), 'utf8')
  return [...text.matchAll(/^\| `([A-Z_]+)` /gm)].map(([, code = '']) => code)
}

/** The literal that stands first wherever a `TidingsError` is made, and what one is told apart by. */
function thrown(): Set<string> {
  const sources = globSync('packages/*/src/**/*.ts', { cwd: root }).map((file) =>
    readFileSync(join(root, file), 'utf8'),
  )
  const made = /\b(?:TidingsError|super)\(\s*'([A-Z_]+)'|TidingsError<([^>]*)>/g
  return new Set(
    sources.flatMap((text) =>
      [...text.matchAll(made)].flatMap(([, code, union = '']) => code ?? [...union.matchAll(/[A-Z_]{2,}/g)].flat()),
    ),
  )
}
