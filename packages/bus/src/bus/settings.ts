import type { Inbox } from '@tidings/core/tools'
import type { AnyDefinedEvent } from '@tidings/events'
import type { Clock } from '../clock.ts'
import type { HandlerLog } from '../handler/context.ts'
import type { Middleware } from '../middleware.ts'
import type { Observer } from '../observer.ts'
import type { DeadLetterStore } from '../stores/dead-letters.ts'
import type { Transport } from '../transport/transport.ts'

/** The options of a bus with their defaults; durations in milliseconds. */
export interface BusSettings {
  readonly source: string
  readonly transport: Transport
  readonly clock: Clock
  readonly random: () => number
  readonly log: HandlerLog
  readonly observers: readonly Observer[]
  readonly middleware: readonly Middleware[]
  readonly inbox: Inbox | undefined
  readonly deadLetters: DeadLetterStore | undefined
  readonly definitions: readonly AnyDefinedEvent[]
  readonly carry: readonly string[]
  readonly asyncContext: boolean
  readonly maxDepth: number
  readonly connectTimeout: number
  readonly publishTimeout: number
  readonly stalledAfter: number
}
