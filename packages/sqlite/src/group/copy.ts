import type { Delivery, Later, Message, Settled, Settlement } from '@tidings/bus/transport'
import type { Cursor } from './cursor.ts'
import type { Member } from './member.ts'

/** The group that a copy is in. */
export interface CopyHome {
  settle(copy: Copy, settlement: Settlement): Settled | Promise<Settled>
  handledBefore(copy: Copy): boolean
}

/** What is known of a copy that has a row of its own, as its cursor has passed it over. */
export interface HeldFacts {
  readonly redeliveries: number
  readonly isAhead: boolean
  /** Milliseconds since 1970; undefined for what is due. */
  readonly due: number | undefined
  readonly inPlace: boolean
  readonly headers: Message['headers'] | undefined
}

/**
 * A message in one group in this process, and at the same time its delivery. It is handed out once: what comes back goes
 * on as a new copy, so whoever held the old one can settle nothing any more.
 */
export class Copy implements Delivery {
  readonly position: number
  readonly lane: number
  /** What orders it in its group; undefined where nothing does. */
  readonly key: string | undefined
  /** Whose it is on the log; undefined for one with a row of its own. */
  cursor: Cursor | undefined
  readonly held: HeldFacts | undefined
  /** Whom it was handed to, or is about to be. */
  member: Member | undefined = undefined
  /** Whether a settlement is on its way. */
  isSettling = false
  /** Whether the file has its settlement. */
  isApplied = false
  /** Effects of its settlement that reach no group. */
  unroutable: Message[] = []
  /** The next one of its key. */
  behind: Copy | undefined = undefined
  /** Where it stands in a heap. */
  slot = 0
  readonly #home: CopyHome
  #message: Message | undefined

  constructor(
    home: CopyHome,
    place: { readonly position: number; readonly lane: number; readonly key: string | undefined },
    from: Cursor | HeldFacts,
    message?: Message,
  ) {
    this.#home = home
    this.position = place.position
    this.lane = place.lane
    this.key = place.key
    const isHeld = 'redeliveries' in from
    this.cursor = isHeld ? undefined : from
    this.held = isHeld ? from : undefined
    this.#message = message
  }

  get place(): number {
    return this.position
  }

  get redeliveries(): number {
    return this.held?.redeliveries ?? 0
  }

  get isAhead(): boolean {
    return this.held?.isAhead ?? false
  }

  /** Whether it is at hand. */
  get isRead(): boolean {
    return this.#message !== undefined
  }

  get message(): Message {
    return this.#message!
  }

  /** It has been read from the log. */
  isMessage(message: Message): void {
    const { headers } = this.held ?? {}
    this.#message = headers === undefined ? message : { ...message, headers: { ...message.headers, ...headers } }
  }

  get lost(): AbortSignal {
    return this.member!.lost
  }

  /** Looked up when it is asked: who does not mark what it handles does not pay for it. */
  get handledBefore(): boolean {
    return this.#home.handledBefore(this)
  }

  settle(settlement: Settlement): Settled | Promise<Settled> {
    if (this.isSettling || this.member?.has(this) !== true) return 'lost'
    return this.#home.settle(this, settlement)
  }
}

/** What a copy goes on as that was handed out once more, to no end. */
export function begunBefore({ isAhead, held, redeliveries }: Copy): HeldFacts {
  return { redeliveries: redeliveries + 1, isAhead, due: undefined, inPlace: false, headers: held?.headers }
}

/** What a copy goes on as that is tried again later. */
export function triedLater({ isAhead, held }: Copy, { due, headers, inPlace }: Later): HeldFacts {
  return { due: Math.ceil(due), inPlace, headers: { ...held?.headers, ...headers }, redeliveries: 0, isAhead }
}
