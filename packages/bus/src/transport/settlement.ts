import { TidingsError } from '@tidings/core'
import type { DeadLetter } from '../stores/dead-letters.ts'
import type { EventIdentity } from '@tidings/core/tools'
import type { Outgoing } from './transport.ts'

/**
 * All that follows from one attempt at one delivery, as one value. The bus decides it, the transport carries it out:
 * nobody else acknowledges, marks, parks or copies.
 */
export type Settlement = Handled | Later | DeadLettered | Discarded | GivenBack

/** The handler has succeeded. */
export interface Handled {
  readonly as: 'handled'
  /** The event is noted as handled by its group, where its handler is idempotent and the transport keeps the inbox. */
  readonly mark: EventIdentity | undefined
  /** What the handler has published and replied, in its order. */
  readonly effects: readonly Outgoing[]
  /** The id of the letter whose replay it was: that goes from the transport's store. */
  readonly replayed: string | undefined
  /** What the handler writes in the same commit. Needs `transactions`. */
  readonly work: Work | undefined
}

/** It failed, and is tried again. */
export interface Later {
  readonly as: 'later'
  /** Milliseconds since 1970 before which it is not handed out again. */
  readonly due: number
  /** Headers that it bears from then on, over those that it has: the attempts made, and why the last one failed. */
  readonly headers: Readonly<Record<string, string>>
  /**
   * Whether it keeps its place: no other message of its key is handed out before it is settled, but for those that are
   * published `ahead`. Asked for only where the transport orders by key. Else it goes behind the others, as a copy does.
   */
  readonly inPlace: boolean
}

/** It is given up, and kept as a dead letter. */
export interface DeadLettered {
  readonly as: 'dead-lettered'
  readonly letter: DeadLetter
  /** The answer to a requester. */
  readonly effects: readonly Outgoing[]
}

/** It goes, and nothing is kept of it: a duplicate, an expired one, or one given up by `deadLetter: 'discard'`. */
export interface Discarded {
  readonly as: 'discarded'
  readonly effects: readonly Outgoing[]
  /** The id of the letter whose replay it was, and which goes with it. */
  readonly replayed: string | undefined
}

/**
 * Given up by this member, to be delivered again to any. Of an ordered group only after `stop`, oldest first: then it
 * keeps its old place, else it may come behind later ones.
 */
export interface GivenBack {
  readonly as: 'given-back'
  /** With false nothing was done with it, so it does not count among the redeliveries where the transport can tell. */
  readonly begun: boolean
}

/** Writes of a handler, or of other code of the application, run within the commit. Where the database is synchronous it returns no promise. */
export type Work = (transaction: never) => void | Promise<void>

/**
 * What came of a settlement: nothing, or `undefined`, where it is done. `'handled-before'`: the mark was there already, so
 * the message is gone as a duplicate, its letter with it where it is a replay, and nothing else was done. `'lost'`: the delivery is no longer this member's, or was
 * settled before, and nothing was done.
 */
export type Settled = void | 'handled-before' | 'lost'

/**
 * A settlement was refused: nothing of it was done, the delivery is still held, and the same again would be refused
 * again. `cause` says why: a handler's own work threw, an effect is too large, the store of dead letters is full.
 */
export class SettlementRefusedError extends TidingsError<'SETTLEMENT_REFUSED'> {
  override readonly name = 'SettlementRefusedError'

  constructor(cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause)
    super('SETTLEMENT_REFUSED', `nothing of a settlement was done: ${why}`, { cause })
  }
}

const nothing: readonly never[] = []

/** Done, and nothing else follows. */
export const handled: Handled = {
  as: 'handled',
  mark: undefined,
  effects: nothing,
  replayed: undefined,
  work: undefined,
}

/** Gone, and nothing else follows. */
export const discarded: Discarded = { as: 'discarded', effects: nothing, replayed: undefined }
