import { type Duration, milliseconds } from '@tidings/core'
import { functionOption, invalidArgument, knownOptions, methodOption, whole } from '@tidings/core/tools'
import { decorator } from '../wrapping/decorator.ts'
import { decoratorOptions } from '../wrapping/options.ts'
import type { AsyncMaybe, Change, EventOf, HandlerDecorator, Kept } from '../wrapping/types.ts'

/** An event by whose id {@link idempotent} knows it again. */
export interface Identified {
  readonly id: string
}

/** Where {@link idempotent} remembers what has been handled. Both methods may be asynchronous. */
export interface IdempotencyStore {
  /** Whether `add` was called with the key, and it is still remembered. */
  has(key: string): boolean | Promise<boolean>
  /** Remembers the key. Called after the handler succeeded, never after it failed. */
  add(key: string): unknown
}

export interface IdempotentOptions<Event = Identified> {
  /** Default: a {@link memoryIdempotencyStore} of its own for each wrapper, and each instance above a method. */
  readonly store?: IdempotencyStore
  /** What makes two events the same one. Default: the event's `id`. */
  readonly key?: (event: Event) => string
  /** Stands before each key of a `store` that you give, since handlers may share it. Default: the handler's name. */
  readonly scope?: string
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
 * Handles each event once, by its `id`: what was handled before is left out and resolves to `undefined`. A handler that
 * fails does not mark its event, so the next delivery is handled. A duplicate that comes while its event is being
 * handled waits for the outcome: it is left out after a success, and handled itself after a failure.
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
  decoratorOptions(options, ['store', 'key', 'scope'], 'idempotent')
  const { key: keyOf, store, scope } = options
  if (keyOf !== undefined) functionOption(keyOf, 'key')
  if (store !== undefined) {
    methodOption(store, 'has', 'store')
    methodOption(store, 'add', 'store')
  }
  return decorator({
    name: 'idempotent',
    async: true,
    policy(next, { name }) {
      if (store !== undefined && scope === undefined && name === 'anonymous') {
        throw invalidArgument(
          'scope',
          'given',
          scope,
          'An anonymous handler needs a name for its keys in a store that others may share.',
        )
      }
      const handled = store ?? memoryIdempotencyStore()
      const prefix = store ? `${scope ?? name}:` : ''
      const running = new Map<string, Promise<void>>()
      const handle = async (key: string, self: unknown, args: readonly unknown[]): Promise<unknown> => {
        if (await handled.has(key)) return undefined
        const result = await next(self, args)
        await handled.add(key)
        return result
      }
      return {
        async call(self, args) {
          const [event] = args
          const key = `${prefix}${checkedKey(keyOf ? keyOf(event as Event) : idOf(event), name)}`
          // Of several that wait for one that failed, the first to wake takes its place and the others wait again.
          for (let before = running.get(key); before; before = running.get(key)) await before
          const outcome = handle(key, self, args)
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

export interface MemoryIdempotencyStoreOptions {
  /** How many keys are kept; beyond it the one not seen for longest goes. Default 10,000. */
  readonly max?: number
  /** How long a key is kept after it was added; `Infinity` is allowed. Default 24 h. */
  readonly ttl?: Duration
}

/** Remembers in memory, within bounds, and without timers: what is too old goes when it is asked for or pushed out. */
export function memoryIdempotencyStore(
  options: MemoryIdempotencyStoreOptions = {},
): IdempotencyStore & { readonly size: number } {
  knownOptions(options, ['max', 'ttl'], 'memoryIdempotencyStore')
  const max = whole(options.max ?? 10_000, 1, 'max')
  const ttl = milliseconds(options.ttl ?? '24h', 'ttl')
  const marks = new Map<string, Mark>()
  // A ring with one mark that is no key's: behind it the one not seen for longest, before it the latest. The order of the
  // Map itself would do, but finding its oldest key takes as long as there are keys that were deleted before it.
  const ring = {} as Mark
  ring.older = ring
  ring.newer = ring
  const unlink = ({ older, newer }: Mark) => {
    older.newer = newer
    newer.older = older
  }
  const link = (mark: Mark) => {
    mark.older = ring.older
    mark.newer = ring
    ring.older.newer = mark
    ring.older = mark
  }
  const forget = (mark: Mark) => {
    unlink(mark)
    marks.delete(mark.key)
  }
  return {
    get size() {
      return marks.size
    },
    has(key) {
      const mark = marks.get(key)
      if (mark === undefined) return false
      if (mark.expiry <= performance.now()) {
        forget(mark)
        return false
      }
      unlink(mark)
      link(mark)
      return true
    },
    add(key) {
      const known = marks.get(key)
      if (known) unlink(known)
      const mark = known ?? { key, expiry: 0, older: ring, newer: ring }
      mark.expiry = performance.now() + ttl
      link(mark)
      marks.set(key, mark)
      if (marks.size > max) forget(ring.newer)
    },
  }
}

/** A remembered key, among those seen before and after it. */
interface Mark {
  readonly key: string
  expiry: number
  older: Mark
  newer: Mark
}

function idOf(event: unknown): unknown {
  return (Object(event) as Partial<Identified>).id
}

function checkedKey(key: unknown, handler: string): string {
  if (typeof key === 'string' && key !== '') return key
  const fix = 'Give events an `id`, or give idempotent a `key` function that returns a string.'
  throw invalidArgument(`key of an event for idempotent handler ${handler}`, 'a string', key, fix)
}
