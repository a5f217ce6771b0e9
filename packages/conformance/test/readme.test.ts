import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { conformanceCases } from '../src/index.ts'

test('the README says of each case what it is about, once', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')
  const named = [...readme.matchAll(/^\| (C\d\d(?:(?:, | – )C\d\d)*) \|/gm)].flatMap(([, cases]) =>
    cases!.split(', ').flatMap(idsOf),
  )
  expect(named.toSorted()).toEqual(conformanceCases.map(({ id }) => id))
})

/** `C05` or `C05 – C07`. */
function idsOf(range: string): string[] {
  const [first, last = first] = range.split(' – ').map((id) => Number(id.slice(1)))
  return Array.from({ length: last! - first! + 1 }, (_, at) => `C${String(first! + at).padStart(2, '0')}`)
}
