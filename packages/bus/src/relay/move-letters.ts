import type { DeadLetterStore } from '../stores/dead-letters.ts'

const page = 100

/**
 * Moves the dead letters of a group from one store to another, oldest first, but for what a relay could not send on; resolves
 * to their number. Each is kept over there before it goes from here, under the same id, so that a crash in between leaves one
 * of them twice for a while.
 */
export async function moveLetters(from: DeadLetterStore, to: DeadLetterStore, group: string): Promise<number> {
  let moved = 0
  let letters = await from.list({ group, limit: page })
  while (letters.length > 0) {
    // Asked for before any of this page goes, and with it our place.
    const next = letters.length < page ? [] : await from.list({ group, after: letters.at(-1)!.id, limit: page })
    for (const letter of letters) {
      if (letter.reason === 'not-relayed') continue
      await to.add(letter)
      await from.remove(letter.id)
      moved++
    }
    letters = next
  }
  return moved
}
