import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { root } from '../workspace.ts'

const cited = [...read('docs/guarantees.md').matchAll(/^- `([^`]+)`: (INVARIANT: .+)$/gm)].map(
  ([, file = '', title = '']) => ({ file, title }),
)

test('docs/guarantees.md cites tests', () => {
  expect(cited.length).toBeGreaterThan(10)
})

test.for(cited)('$file proves: $title', ({ file, title }) => {
  expect(existsSync(join(root, file)), `${file} exists`).toBe(true)
  expect(read(file).replaceAll("\\'", "'")).toContain(title)
})

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8')
}
