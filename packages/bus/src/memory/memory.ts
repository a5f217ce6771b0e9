import { invalidArgument, knownOptions, whole } from '@tidings/core/tools'
import type { Transport } from '../transport/transport.ts'
import { Broker, type Limits } from './broker.ts'
import { MemoryConnection } from './connection.ts'

/** What {@link memory} takes. Everything that it keeps has a bound. */
export interface MemoryOptions {
  /**
   * Messages of one group that are due and not settled yet; beyond it `publish` waits. As many again may have failed and
   * wait for their next attempt. What a handler publishes, and what is sent to one group alone (replays, replies), is let
   * in beyond it: it may stand for a message that is unsettled. Default 10,000.
   */
  readonly capacity?: number | undefined
  /** Messages of one group that were published with a delay and are not due yet. Default 100,000. */
  readonly maxDelayed?: number | undefined
  /** Publishes that may wait for room; beyond it `publish` rejects with `PublishOverflowError`. Default 10,000. */
  readonly maxWaiting?: number | undefined
  /** Dead letters that are kept; beyond it their store throws `DeadLettersFullError`. Default 10,000. */
  readonly maxDeadLetters?: number | undefined
  /**
   * Bytes of a message's body, content type, attributes and headers, names included; beyond it `publish` rejects with
   * `MessageTooLargeError`. `Infinity` for no bound. Default 1 MiB, as most brokers have it, so that what works in
   * memory works there.
   */
  readonly maxMessageSize?: number | undefined
  /**
   * The last messages, of all event types together, that are kept for groups which begin `from: 'earliest'`; at most
   * `capacity`. Default 0: none, and the capability `history` is false.
   */
  readonly history?: number | undefined
}

const known = ['capacity', 'maxDelayed', 'maxWaiting', 'maxDeadLetters', 'maxMessageSize', 'history']

/**
 * A broker in the memory of this process. The value is the broker: every bus that connects to the same value shares its
 * groups, and groups and messages live as long as the value does. Nothing survives the process.
 *
 * All of a settlement is one step (`atomic`). A delayed message is for the groups that asked for its type when it was
 * published. `cancel` takes back what was published with a delay, never the retry of one group.
 *
 * Handlers run in the async context (`AsyncLocalStorage`) in which the value was made, never in that of a publisher.
 *
 * Two buses that are connected at a time must have the same clock. Throws `INVALID_ARGUMENT` for options that make no
 * sense.
 *
 * @example
 * const broker = memory({ capacity: 100_000 })
 */
export function memory(options: MemoryOptions = {}): Transport {
  knownOptions(options, known, 'memory')
  const capacity = whole(options.capacity ?? 10_000, 1, 'capacity')
  const limits: Limits = {
    capacity,
    maxDelayed: whole(options.maxDelayed ?? 100_000, 0, 'maxDelayed'),
    maxWaiting: whole(options.maxWaiting ?? 10_000, 0, 'maxWaiting'),
    maxDeadLetters: whole(options.maxDeadLetters ?? 10_000, 0, 'maxDeadLetters'),
    maxMessageSize: whole(options.maxMessageSize ?? 1024 * 1024, 1, 'maxMessageSize', true),
    history: atMost(whole(options.history ?? 0, 0, 'history'), capacity),
  }
  const broker = new Broker(limits)
  return {
    name: 'memory',
    capabilities: {
      durable: false,
      remote: false,
      ordering: 'key',
      atomic: true,
      transactions: false,
      wildcards: true,
      delay: true,
      cancel: true,
      deadLetters: 'store',
      inbox: true,
      temporaryGroups: true,
      groups: true,
      history: limits.history > 0,
      unroutable: true,
      redeliveries: true,
      deduplication: false,
      waiting: true,
      maxMessageSize: limits.maxMessageSize,
      // Nothing bounds them apart.
      maxHeadersSize: limits.maxMessageSize,
      maxHold: Infinity,
    },
    connect: async (to) => {
      to.signal?.throwIfAborted()
      return new MemoryConnection(broker, to)
    },
  }
}

/** A group that begins with the whole history must have room for it. */
function atMost(history: number, capacity: number): number {
  if (history <= capacity) return history
  throw invalidArgument('history', `at most \`capacity\`, ${capacity}`, history, 'Raise `capacity`, or keep less.')
}
