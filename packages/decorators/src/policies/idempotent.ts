import {
  type EventIdentity,
  functionOption,
  type Inbox,
  invalidArgument,
  memoryInbox,
  methodOption,
} from '@tidings/core/tools'
import { decorator } from '../wrapping/decorator.ts'
import { decoratorOptions } from '../wrapping/options.ts'
import type { AsyncMaybe, Change, EventOf, HandlerDecorator, Kept } from '../wrapping/types.ts'

/** An event that {@link idempotent} knows again by its id. */
export interface Identified {
  readonly id: string
  /** Where it is a text, ids are those of this source. */
  readonly source?: unknown
}

export interface IdempotentOptions<Event = Identified> {
  /**
   * What has been handled, in an inbox as a bus has: `memoryInbox()`, or one in your database. Default: one in memory for
   * each wrapper, and each instance above a method, that knows the last 10,000 events at least, for a day.
   */
  readonly store?: Inbox
  /** What makes two events the same one. Default: the event's `source` and `id`. */
  readonly key?: (event: Event) => string
  /** The group by whose name the store knows this handler, since others may share it. Default: the handler's name. */
  readonly group?: string
}

/** The handler returns a promise of its result, or of `undefined` for an event that was handled before. */
export interface Idempotent<Event> extends Change {
  readonly check: [EventOf<this['handler']>] extends [Event]
    ? unknown
    : 'idempotent needs an event with an id, or the option `key`'
  readonly wrapped: AsyncMaybe<this['handler']> & Kept<this['handler']>
  readonly method: AsyncMaybe<this['handler']>
}

/**
 * Handles each event once, by its `source` and `id`: what was handled before is left out and resolves to `undefined`. A
 * handler that fails does not mark its event, so the next delivery is handled. A duplicate that comes while its event is
 * being handled waits for the outcome: it is left out after a success, and handled itself after a failure.
 *
 * The wait works within this process only, and a crash between the handler's end and `store.add` makes the event
 * handled again: where that matters, let handler and mark share one transaction, as the inbox of a bus does.
 *
 * @example
 * const book = idempotent()((event: PaymentTaken) => ledger.add(event.data))
 */
export function idempotent<Event = Identified>(
  options: IdempotentOptions<Event> = {},
): HandlerDecorator<Idempotent<Event>> {
  decoratorOptions(options, ['store', 'key', 'group'], 'idempotent')
  const { key: keyOf, store } = options
  if (keyOf !== undefined) functionOption(keyOf, 'key')
  if (store !== undefined) {
    methodOption(store, 'has', 'store')
    methodOption(store, 'add', 'store')
  }
  return decorator({
    name: 'idempotent',
    async: true,
    policy(next, { name }) {
      if (store !== undefined && options.group === undefined && name === 'anonymous') {
        throw invalidArgument(
          'group',
          'given',
          undefined,
          'An anonymous handler needs a name in a store that others may share.',
        )
      }
      const { group = name } = options
      const inbox = store ?? memoryInbox({ max: 20_000 })
      const running = new Map<string, Promise<void>>()
      const handle = async (event: EventIdentity, self: unknown, args: readonly unknown[]): Promise<unknown> => {
        if (await inbox.has(event, group)) return undefined
        const result = await next(self, args)
        await inbox.add(event, group)
        return result
      }
      return {
        async call(self, args) {
          const identity = identityOf(args[0] as Event, keyOf, name)
          const key = `${identity.source.length} ${identity.source} ${identity.id}`
          // Of several that wait for one that failed, the first to wake takes its place and the others wait again.
          for (let before = running.get(key); before; before = running.get(key)) await before
          const outcome = handle(identity, self, args)
          const forget = () => {
            running.delete(key)
          }
          running.set(key, outcome.then(forget, forget))
          return await outcome
        },
      }
    },
  })
}

/** What the store knows the event by. A key that you make has no source: it says all. */
function identityOf<Event>(
  event: Event,
  keyOf: ((event: Event) => string) | undefined,
  handler: string,
): EventIdentity {
  const { id, source }: Partial<Identified> = keyOf ? { id: keyOf(event) } : Object(event)
  if (typeof id === 'string' && id !== '') return { source: typeof source === 'string' ? source : '', id }
  const fix = 'Give events an `id`, or give idempotent a `key` function that returns a string.'
  throw invalidArgument(`key of an event for idempotent handler ${handler}`, 'a string', id, fix)
}
