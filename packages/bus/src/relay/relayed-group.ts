import { isTidingsError } from '@tidings/core'
import { backoff } from '@tidings/core/tools'
import type { Clock } from '../clock.ts'
import { letterHeaders, letterId } from '../dead-letter/letter.ts'
import { recorded } from '../dead-letter/recorded-error.ts'
import { soon } from '../delivery/soon.ts'
import type { HandlerLog } from '../handler/context.ts'
import { TurnTaking } from '../integration/turn-taking.ts'
import { deliveryHeaders, keyOf, type Message } from '../message/message.ts'
import type { DeadLetter } from '../stores/dead-letters.ts'
import type { Backlog } from '../transport/groups.ts'
import { discarded, handled, type Settlement } from '../transport/settlement.ts'
import type { Connection, Delivery, GroupRequest, Membership } from '../transport/transport.ts'
import { makeGroup } from './make-group.ts'
import type { RelayProgress } from './relay.ts'

/** Milliseconds until a step that has failed so often is tried again. */
const waitFor = backoff({ delay: 100, max: 5000, jitter: true })

/** What the groups of a relay share. */
export interface RelaySetting {
  readonly clock: Clock
  readonly log: HandlerLog
  readonly from: () => Connection
  readonly to: () => Connection
  /** Aborts when nothing more is to be begun, or tried again. */
  readonly stopping: AbortSignal
  /** Aborts when nothing is waited for any more. */
  readonly givingUp: AbortSignal
}

/** A group on the one side, whose events go to the other. */
export class RelayedGroup {
  readonly #setting: RelaySetting
  readonly #request: GroupRequest
  /** Whether its events are for the same group over there, and for no other. */
  readonly #moves: boolean
  readonly #turns = new TurnTaking()
  /** What it was handed and has not settled, with the time of that. */
  readonly #held = new Map<Delivery, number>()
  readonly #underWay = new Set<Promise<void>>()
  #membership: Membership | undefined
  #moved = 0
  #parked = 0
  #lastProgress: number | undefined
  /** Whether the last that was heard of the other side is that it takes nothing. */
  #isRefused = false

  constructor(setting: RelaySetting, request: GroupRequest, moves: boolean) {
    this.#setting = setting
    this.#request = request
    this.#moves = moves
  }

  get group(): string {
    return this.#request.group
  }

  async join(signal: AbortSignal): Promise<void> {
    if (this.#moves) await makeGroup(this.#setting.to(), this.#request, signal)
    this.#membership = await this.#setting.from().subscribe(this.#request, (delivery) => this.#take(delivery), signal)
  }

  /** No further deliveries. */
  async stop(): Promise<void> {
    await this.#membership?.stop()
  }

  /** Resolves when nothing of it is under way. */
  async ended(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay)
  }

  backlog(): Promise<Backlog | undefined> {
    return soon(async () => this.#membership?.backlog())
  }

  async progress(): Promise<RelayProgress> {
    const backlog = await this.backlog()
    const lastProgress = this.#lastProgress
    return {
      waiting: backlog && backlog.waiting + backlog.handedOut,
      delayed: backlog?.delayed,
      retrying: backlog?.retrying,
      age: this.#age(backlog),
      moved: this.#moved,
      parked: this.#parked,
      lastProgress: lastProgress === undefined ? undefined : new Date(lastProgress).toISOString(),
    }
  }

  /** Whether events are on their way, and none has arrived for so many milliseconds. */
  isStalled(stalledAfter: number): boolean {
    const [oldest] = this.#held.values()
    if (oldest === undefined) return false
    return this.#setting.clock.now() - Math.max(oldest, this.#lastProgress ?? 0) > stalledAfter
  }

  #age(backlog: Backlog | undefined): number | undefined {
    let oldest = backlog?.oldest ?? Infinity
    if (oldest === Infinity) {
      for (const [{ message }, came] of this.#held) {
        const made = Date.parse(String(message.attributes['time']))
        oldest = Math.min(oldest, Number.isNaN(made) ? came : made)
      }
    }
    return oldest === Infinity ? undefined : Math.max(0, this.#setting.clock.now() - oldest)
  }

  #take(delivery: Delivery): void {
    if (delivery.lost.aborted) return
    this.#held.set(delivery, this.#setting.clock.now())
    const key = this.#request.ordered ? keyOf(delivery.message) : undefined
    // Where the transport orders by key nothing of it is under way; where it orders by partition, that is left to us.
    const move = (): Promise<void> => this.#move(delivery)
    const moving = (key === undefined ? move() : this.#turns.run(key, move))
      .catch((error: unknown) => this.#failed(delivery, error))
      .finally(() => {
        this.#held.delete(delivery)
        this.#underWay.delete(moving)
      })
    this.#underWay.add(moving)
  }

  /** One event, from its delivery to its settlement: sent, confirmed, settled. */
  async #move(delivery: Delivery): Promise<void> {
    if (this.#isOver(delivery)) return this.#giveBack(delivery)
    const { message } = delivery
    const replayed = await this.#letterOf(message)
    if (this.#moves && delivery.handledBefore === true) {
      await this.#settle(delivery, { ...discarded, replayed })
      return
    }
    const sent = await this.#send(delivery)
    if (sent === 'given-back') return this.#giveBack(delivery)
    if (sent !== 'sent') {
      const letter = letterOf(message, this.group, replayed, sent.error, this.#setting.clock.now())
      this.#setting.log.error('an event cannot be relayed, and is parked among the dead letters', {
        ...this.#about(delivery),
        error: sent.error,
        letter: letter.id,
      })
      if (await this.#settle(delivery, { as: 'dead-lettered', letter, effects: [] })) this.#parked++
      return
    }
    if (!(await this.#settle(delivery, { ...handled, replayed }))) return
    this.#moved++
    this.#lastProgress = this.#setting.clock.now()
  }

  /** Tries until it is confirmed, or cannot be. */
  async #send(delivery: Delivery): Promise<'sent' | 'given-back' | { readonly error: unknown }> {
    const { message } = delivery
    // A replay is older than all that has come since.
    const ahead = message.headers[deliveryHeaders.replayOf] !== undefined
    const outgoing = this.#moves ? { message, group: this.group, ahead } : { message }
    for (let tries = 1; ; tries++) {
      try {
        await this.#setting.to().publish(outgoing, { signal: this.#setting.givingUp })
        this.#takesAgain()
        return 'sent'
      } catch (error) {
        if (isTidingsError(error, 'MESSAGE_TOO_LARGE')) return { error }
        if (this.#isOver(delivery)) return 'given-back'
        this.#refuses(delivery, error)
        if (isTidingsError(error, 'UNKNOWN_GROUP')) await this.#makeGroupAgain()
        await this.#wait(waitFor(tries))
        if (this.#isOver(delivery)) return 'given-back'
      }
    }
  }

  /** Somebody has taken the group away over there. */
  async #makeGroupAgain(): Promise<void> {
    try {
      await makeGroup(this.#setting.to(), this.#request, this.#setting.givingUp)
    } catch (error) {
      this.#setting.log.warn('a relay cannot make a group', { group: this.group, error })
    }
  }

  /** Tries until it is done. False where the delivery is ours no more: then it comes again. */
  async #settle(delivery: Delivery, settlement: Settlement): Promise<boolean> {
    for (let tries = 1; ; tries++) {
      try {
        return (await delivery.settle(settlement)) !== 'lost'
      } catch (error) {
        if (this.#isOver(delivery)) return false
        this.#setting.log.warn('a relay could not settle an event, trying again', { ...this.#about(delivery), error })
        await this.#wait(waitFor(tries))
      }
    }
  }

  /** Where that does not arrive, the end of the connection gives it back. */
  async #giveBack(delivery: Delivery): Promise<void> {
    try {
      if (!delivery.lost.aborted) await delivery.settle({ as: 'given-back', begun: false })
    } catch {
      // As above.
    }
  }

  /** The letter whose replay it is, where `from` has it: it goes with the settlement. */
  async #letterOf({ headers, attributes }: Message): Promise<string | undefined> {
    const id = headers[deliveryHeaders.replayOf]
    if (id === undefined) return undefined
    const letter = await this.#setting.from().deadLetters?.get(id)
    const of = letter?.message.attributes
    return letter?.group === this.group && of?.['id'] === attributes['id'] && of?.['source'] === attributes['source']
      ? id
      : undefined
  }

  #isOver({ lost }: Delivery): boolean {
    return lost.aborted || this.#setting.stopping.aborted
  }

  #takesAgain(): void {
    if (!this.#isRefused) return
    this.#isRefused = false
    this.#setting.log.info('a relay goes on', { group: this.group })
  }

  /** Said once for all that wait. */
  #refuses(delivery: Delivery, error: unknown): void {
    if (this.#isRefused) return
    this.#isRefused = true
    this.#setting.log.warn('a relay cannot send on, and goes on trying', { ...this.#about(delivery), error })
  }

  #failed(delivery: Delivery, error: unknown): Promise<void> {
    this.#setting.log.error('a relay could not move an event, which comes again', { ...this.#about(delivery), error })
    return this.#giveBack(delivery)
  }

  #about({ message: { attributes } }: Delivery): Record<string, unknown> {
    return { type: attributes['type'], group: this.group, id: attributes['id'] }
  }

  /** Ends early when the relay stops. */
  #wait(time: number): Promise<void> {
    const { stopping, clock } = this.#setting
    return new Promise((resolve) => {
      const end = (): void => {
        cancel()
        stopping.removeEventListener('abort', end)
        resolve()
      }
      const cancel = clock.after(time, end)
      stopping.addEventListener('abort', end)
      if (stopping.aborted) end()
    })
  }
}

function letterOf(
  message: Message,
  group: string,
  replayed: string | undefined,
  error: unknown,
  now: number,
): DeadLetter {
  const time = new Date(now).toISOString()
  return {
    id: replayed ?? letterId(group, message),
    group,
    message: { ...message, headers: letterHeaders(message.headers) },
    reason: 'not-relayed',
    error: recorded(error),
    parksKey: false,
    attempts: 0,
    firstFailedAt: time,
    lastFailedAt: time,
  }
}
