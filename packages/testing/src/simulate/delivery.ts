import { type EventIdentity, type Message, SettlementRefusedError } from '@tidings/bus'
import {
  type Delivery,
  inSafeOrder,
  type Later,
  type Outgoing,
  type Settled,
  type Settlement,
} from '@tidings/bus/transport'
import type { SimulatedBroker, Stage } from './broker.ts'
import type { Copy } from './copy.ts'
import type { StepPlace } from './decisions.ts'
import type { SimulatedGroup } from './group.ts'
import { never } from './life.ts'
import type { SimulatedMember } from './member.ts'
import { type Step, takeStep } from './step.ts'

/** What is left to do when nothing may go wrong any more. */
type Ended = Exclude<Settlement, { readonly as: 'later' | 'given-back' }>

/** A copy in the hands of a process, and how that settles it: in one commit on a store, else step by step. */
export class SimulatedDelivery implements Delivery {
  readonly message: Message
  readonly redeliveries: number
  readonly #stage: Stage
  readonly #broker: SimulatedBroker
  readonly #group: SimulatedGroup
  readonly #copy: Copy
  readonly #member: SimulatedMember
  /** Which hand-out of its copy this is. */
  readonly #turn: number

  constructor(stage: Stage, broker: SimulatedBroker, group: SimulatedGroup, copy: Copy, member: SimulatedMember) {
    this.message = copy.message
    this.redeliveries = copy.redeliveries
    this.#stage = stage
    this.#broker = broker
    this.#group = group
    this.#copy = copy
    this.#member = member
    this.#turn = copy.handed
  }

  get lost(): AbortSignal {
    return this.#member.life.lost
  }

  get handledBefore(): boolean {
    return this.#broker.isMarked(identityOf(this.message), this.#group.name)
  }

  settle(settlement: Settlement): Settled | Promise<Settled> {
    if (this.#member.life.dead) return never()
    if (!this.#isHeld) return undefined
    if (settlement.as === 'given-back') {
      this.#stage.trace.say(() => `${this.#group.label} gives ${this.#copy.label} back`, this.#name)
      return this.#group.giveBack(this.#copy, this.#member, settlement.begun)
    }
    if (settlement.as === 'later') return this.#settleLater(settlement)
    return this.#stage.kind === 'store' ? this.#commit(settlement) : this.#byStep(settlement)
  }

  get #isHeld(): boolean {
    return this.#copy.member === this.#member && this.#copy.handed === this.#turn
  }

  get #name(): string {
    return this.#stage.trace.nameOf(this.message)
  }

  /** All of it at once, or nothing. */
  #commit(settlement: Ended): Settled | Promise<Settled> {
    return this.#step<Settled>('commit', 'the commit of', (fate) => {
      if (!this.#isHeld) return undefined
      try {
        const settled = this.#apply(settlement)
        this.#end(settlement, fate)
        return settled
      } catch (error) {
        this.#stage.trace.say(() => `the commit of ${this.#copy.label} is refused: ${String(error)}`, this.#name)
        return Promise.reject(new SettlementRefusedError(error))
      }
    })
  }

  /** What may be refused comes before all that changes something. */
  #apply(settlement: Ended): Settled {
    const { database, letters } = this.#broker
    if (settlement.as === 'handled') {
      const { mark, work } = settlement
      if (mark !== undefined && this.#broker.isMarked(mark, this.#group.name)) return 'handled-before'
      if (work !== undefined) database.run((transaction) => work(transaction as never))
      if (mark !== undefined) this.#broker.mark(mark, this.#group.name)
    }
    if (settlement.as === 'dead-lettered') letters.add(settlement.letter)
    else if (settlement.replayed !== undefined) letters.remove(settlement.replayed)
    for (const effect of settlement.effects) this.#send(effect)
    return undefined
  }

  async #byStep(settlement: Ended): Promise<Settled> {
    const { letters } = this.#broker
    const { trace } = this.#stage
    await inSafeOrder(settlement, {
      publish: (effect) =>
        this.#step('effect', `the effect ${trace.nameOf(effect.message)} of`, () => this.#send(effect)),
      park: (letter) => this.#step('park', 'the letter of', () => letters.add(letter)),
      mark: (event) => this.#step('mark', 'the mark of', () => this.#broker.mark(event, this.#group.name)),
      removeLetter: (id) => this.#step('removeLetter', 'the removal of the letter of', () => letters.remove(id)),
    })
    await this.#step('ack', 'the ack of', (fate) => {
      if (this.#isHeld) this.#end(settlement, fate)
    })
  }

  #settleLater(later: Later): void | Promise<void> {
    const retryLater = (): void => {
      if (!this.#isHeld) return
      const wait = later.due - this.#stage.timeline.now()
      this.#stage.trace.say(() => `${this.#group.label} tries ${this.#copy.label} again in ${wait}ms`, this.#name)
      this.#group.retryLater(this.#copy, this.#member, later)
    }
    if (later.inPlace || this.#stage.kind === 'store') return this.#step('later', 'the retry of', retryLater)
    return this.#copyLater(later)
  }

  async #copyLater(later: Later): Promise<void> {
    await inSafeOrder(later, {
      copy: () => this.#step('copy', 'the copy of', () => this.#group.addRetry(this.#copy, later)),
    })
    await this.#step('ack', 'the ack of', () => {
      if (!this.#isHeld) return
      this.#stage.ledger.replaced(this.#group.label, this.#copy.id)
      this.#group.end(this.#copy, this.#member)
    })
  }

  /** It is done with; or comes once more all the same. */
  #end(settlement: Ended, fate: string | undefined): void {
    const { ledger, trace, timeline, kind } = this.#stage
    const { label } = this.#group
    ledger.settles(label, this.message, settlement, timeline.now())
    if (fate !== 'duplicate' && fate !== 'duplicate-behind') return this.#group.end(this.#copy, this.#member)
    // A log hands out nothing again before others that it has handed out; what comes twice was published twice there.
    const behind = fate === 'duplicate-behind' || kind === 'log'
    const what = (): string =>
      kind === 'store'
        ? `${this.#copy.label} was published twice: ${label} will be handed it again`
        : `the ack of ${this.#copy.label} by ${label} is lost: it will be handed out again`
    trace.say(() => what() + (behind ? ', behind all others' : ''), this.#name, true)
    this.#group.repeat(this.#copy, this.#member, behind)
  }

  /** To everybody who wants it; what is for one group that is gone concerns nobody any more. */
  #send(effect: Outgoing): void {
    const { message } = effect
    const { trace } = this.#stage
    trace.say(() => `the effect ${trace.nameOf(message)} of ${this.#copy.label} goes out`, this.#name)
    const reached = this.#broker.store(effect)
    if (!reached) this.#member.onUnroutable(message)
  }

  #step<Result>(place: StepPlace, of: string, act: Step<Result>['act']): Result | Promise<Result> {
    const what = `${of} ${this.#copy.label} by ${this.#group.label}`
    return takeStep(this.#stage, this.#member.life, { place, what, about: this.#name, act })
  }
}

function identityOf({ attributes: { source, id } }: Message): EventIdentity {
  return { source: String(source), id: String(id) }
}
