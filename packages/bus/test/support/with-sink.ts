import type { DeadLetter, Transport } from '../../src/index.ts'
import { discarded, type DeadLetterSink } from '../../src/transport/index.ts'
import { altered, alteredDelivery } from './altered.ts'

/** A transport whose dead letters go to a sink: a queue for each group, to be looked into, and replayed as a whole. */
export function withSink(transport: Transport): {
  readonly transport: Transport
  readonly queues: ReadonlyMap<string, readonly DeadLetter[]>
} {
  const queues = new Map<string, DeadLetter[]>()
  const sink = altered(transport, (connection) => {
    const deadLetterSink: DeadLetterSink = {
      async replay(group, { limit, signal }) {
        const letters = queues.get(group) ?? []
        let count = 0
        while (letters.length > 0 && count < limit && !signal.aborted) {
          await connection.publish({ message: letters[0]!.message, group })
          letters.shift()
          count++
        }
        return count
      },
    }
    return {
      deadLetters: undefined,
      deadLetterSink,
      subscribe: (request, deliver, signal) =>
        connection.subscribe(
          request,
          (real) =>
            deliver(
              alteredDelivery(real, {
                settle: (settlement) => {
                  if (settlement.as !== 'dead-lettered') return real.settle(settlement)
                  const { letter, effects } = settlement
                  // Into the same list, also while it is replayed.
                  const letters = queues.get(letter.group) ?? []
                  queues.set(letter.group, letters)
                  letters.push(letter)
                  return real.settle({ ...discarded, effects })
                },
              }),
            ),
          signal,
        ),
    }
  })
  return { transport: { ...sink, capabilities: { ...sink.capabilities, deadLetters: 'sink' } }, queues }
}
