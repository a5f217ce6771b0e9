import type { DeadLetter, DeadLetterStore } from '@tidings/bus'
import { type ConformanceCase, defineCase } from '../case.ts'
import { essence } from '../message.ts'
import type { Scene } from '../scene.ts'

/** The store in which a transport keeps dead letters. */
export const deadLetterStoreCases: readonly ConformanceCase[] = [
  defineCase(
    'C50',
    'dead letters are kept whole, listed in pages by arrival, found by key and removed',
    { needs: ['a store of dead letters'] },
    async (scene) => {
      const { expect } = scene
      const store = await storeOf(scene)
      const letters = Array.from({ length: 7 }, (_, index) => letterOf(scene, `letter-${index}`, `key-${index % 2}`))
      const elsewhere = letterOf(scene, 'elsewhere', 'key-0', scene.group('other'))
      for (const letter of [...letters.slice(0, 3), elsewhere, ...letters.slice(3)]) await store.add(letter)
      const group = scene.group()
      const ids = letters.map(({ id }) => id)

      const pages: string[] = []
      for (let after: string | undefined; ; after = pages.at(-1)) {
        const page = await store.list({ group, limit: 3, after })
        expect.that(page.length <= 3, 'a page has no more than its limit', page.length)
        if (page.length === 0) break
        pages.push(...page.map(({ id }) => id))
        expect.that(pages.length <= ids.length, 'the pages end', pages)
      }
      expect.equal(pages, ids, 'the letters of a group, oldest first')
      const all = await store.list({ limit: 10_000 })
      expect.that(
        all.some(({ id }) => id === elsewhere.id),
        'a list without a group has the letters of all',
        all.map(({ id }) => id),
      )

      const [first, second] = letters
      expect.equal(whole(await store.get(first!.id)), whole(first), 'a letter, as it was added')
      expect.equal((await store.firstOfKey(group, 'key-0'))?.id, first!.id, 'the oldest letter of a key')
      expect.equal((await store.firstOfKey(group, 'key-1'))?.id, second!.id, 'the oldest letter of another key')
      expect.equal(await store.firstOfKey(group, 'key-2'), undefined, 'the oldest letter of a key that has none')

      // The same event given up once more is the same letter, in its old place.
      const again = { ...first!, attempts: 9, reason: 'permanent-error' as const }
      await store.add(again)
      expect.equal(
        (await store.list({ group, limit: 100 })).map(({ id }) => id),
        ids,
        'the letters after one came again',
      )
      expect.equal(whole(await store.get(first!.id)), whole(again), 'a letter that came again')

      expect.equal(await store.remove(first!.id), true, 'remove() of a letter')
      expect.equal(await store.remove(first!.id), false, 'remove() of a letter that is gone')
      expect.equal(await store.get(first!.id), undefined, 'a letter that is gone')
      expect.equal(
        (await store.firstOfKey(group, 'key-0'))?.id,
        letters[2]!.id,
        'the oldest letter of a key, when the oldest is gone',
      )
      await store.remove(letters[4]!.id)
      const rest = await store.list({ group, limit: 100, after: letters[3]!.id })
      expect.equal(
        rest.map(({ id }) => id),
        [letters[5]!.id, letters[6]!.id],
        'the letters behind one',
      )

      const other = await storeOf(scene)
      const left = await other.list({ group, limit: 100 })
      expect.equal(
        left.map(({ id }) => id),
        [1, 2, 3, 5, 6].map((index) => ids[index]),
        'the letters, through another connection',
      )
      for (const { id } of [...left, elsewhere]) await store.remove(id)
    },
  ),
]

async function storeOf(scene: Scene): Promise<DeadLetterStore> {
  const { deadLetters } = await scene.connect()
  scene.expect.that(deadLetters !== undefined, 'a transport with `deadLetters` has a store', deadLetters)
  return deadLetters!
}

function letterOf(scene: Scene, name: string, subject: string, group = scene.group()): DeadLetter {
  return {
    id: `${scene.group(name)} ünïque/${name}`,
    group,
    message: scene.message({
      subject,
      contentType: 'application/octet-stream',
      body: new Uint8Array([0, 255, 10]),
      headers: { 'x-note': 'é' },
    }),
    reason: 'attempts-exhausted',
    error: { name: 'TypeError', code: 'E_CODE', message: 'line 1\nline 2 "quoted"' },
    parksKey: false,
    attempts: 5,
    firstFailedAt: '2026-01-01T00:00:00.000Z',
    lastFailedAt: '2026-01-01T00:01:00.000Z',
  }
}

function whole(letter: DeadLetter | undefined): unknown {
  return letter && { ...letter, message: essence(letter.message) }
}
