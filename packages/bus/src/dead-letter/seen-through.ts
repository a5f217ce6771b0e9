import { type Runtime, throughReceivers } from '../delivery/runtime.ts'
import type { Message } from '../message/message.ts'
import type { DeadLetter } from '../stores/dead-letters.ts'

/** A letter whose message has come in through the middleware, as a handler would see it; as it is, where that fails. */
export async function seenThrough(runtime: Runtime, letter: DeadLetter): Promise<DeadLetter> {
  if (runtime.receivers.length === 0) return letter
  const { message, group, attempts } = letter
  let seen: Message | undefined
  try {
    const incoming = { message, group, attempt: attempts + 1, purpose: 'look' } as const
    await throughReceivers(runtime, incoming, async (last) => {
      seen = last.message
    })
  } catch {
    // It may be what made it a letter. Whoever looks sees its bytes.
  }
  return seen === undefined ? letter : { ...letter, message: seen }
}
