import { patternMatcher } from '@tidings/core'
import { memory, type Message, type Transport, UnknownGroupError } from '../../src/index.ts'
import type { Backlog, Connection, Delivery, GroupRequest, Membership, Outgoing } from '../../src/transport/index.ts'

/**
 * A log, as the contract has it beside the queue: of each group one partition, which one member at a time has, and which
 * commits a position. What was acked behind it is handed out again when the partition changes hands.
 */
export function logTransport(): { readonly transport: Transport; cut(): Promise<void> } {
  const partitions = new Map<string, Partition>()
  const { capabilities } = memory()
  return {
    transport: {
      name: 'log',
      capabilities: {
        ...capabilities,
        ordering: 'partition',
        delay: false,
        cancel: false,
        atomic: false,
        deadLetters: 'none',
        groups: false,
        inbox: false,
        redeliveries: false,
      },
      connect({ onState }) {
        onState('connected')
        return Promise.resolve(connectionTo(partitions))
      },
    },
    /** Takes each partition from its member, and gives it out anew: a rebalance, or a connection lost. */
    cut() {
      for (const partition of partitions.values()) partition.rebalance()
      return Promise.resolve()
    },
  }
}

function connectionTo(partitions: Map<string, Partition>): Connection {
  const members: { readonly partition: Partition; readonly member: Member }[] = []
  return {
    deadLetters: undefined,
    publish({ message, group }: Outgoing) {
      const type = String(message.attributes['type'])
      if (group !== undefined && !partitions.has(group)) throw new UnknownGroupError(group, type)
      for (const [name, partition] of partitions) {
        if (group === undefined ? partition.wants(type) : name === group) partition.append(message)
      }
    },
    subscribe(request, deliver) {
      const partition = partitions.get(request.group) ?? new Partition()
      partitions.set(request.group, partition)
      const member = new Member(partition, request, deliver)
      members.push({ partition, member })
      partition.join(member, request.types)
      return Promise.resolve(member)
    },
    close() {
      for (const { partition, member } of members.splice(0)) partition.drop(member)
      return Promise.resolve()
    },
  }
}

class Partition {
  readonly messages: Message[] = []
  readonly #types = new Set<string>()
  /** The first one has the partition. */
  readonly #members: Member[] = []
  readonly #acked = new Set<number>()
  #committed = 0

  get waiting(): number {
    return this.messages.length - this.#committed
  }

  wants(type: string): boolean {
    return [...this.#types].some((pattern) => pattern === type || patternMatcher(pattern)(type))
  }

  append(message: Message): void {
    this.messages.push(message)
    this.#members[0]?.pump()
  }

  join(member: Member, types: readonly string[]): void {
    for (const type of types) this.#types.add(type)
    this.#members.push(member)
    if (this.#members[0] === member) member.begin(this.#committed)
  }

  has(member: Member): boolean {
    return this.#members[0] === member
  }

  ack(position: number): void {
    this.#acked.add(position)
    while (this.#acked.delete(this.#committed)) this.#committed++
  }

  drop(member: Member): void {
    const at = this.#members.indexOf(member)
    if (at < 0) return
    this.#members.splice(at, 1)
    member.lose(new Error('the member has left'))
    if (at === 0) this.#giveOut()
  }

  rebalance(): void {
    const [first] = this.#members
    if (first === undefined) return
    first.lose(new Error('the partition was given to another one'))
    if (first.isStopped) this.#members.shift()
    this.#giveOut()
  }

  #giveOut(): void {
    this.#acked.clear()
    this.#members[0]?.begin(this.#committed)
  }
}

class Member implements Membership {
  isStopped = false
  readonly #partition: Partition
  readonly #prefetch: number
  readonly #deliver: (delivery: Delivery) => void
  readonly #open = new Set<number>()
  #lost = new AbortController()
  #next = 0
  #isPaused = false

  constructor(partition: Partition, { prefetch }: GroupRequest, deliver: (delivery: Delivery) => void) {
    this.#partition = partition
    this.#prefetch = prefetch
    this.#deliver = deliver
  }

  begin(position: number): void {
    this.#next = position
    if (this.isStopped) this.#partition.drop(this)
    else this.pump()
  }

  lose(reason: Error): void {
    // What is settled is not lost.
    if (this.#open.size === 0) return
    this.#open.clear()
    const lost = this.#lost
    this.#lost = new AbortController()
    lost.abort(reason)
  }

  pump(): void {
    queueMicrotask(() => {
      while (this.#mayTake()) {
        const position = this.#next++
        this.#open.add(position)
        this.#deliver(this.#delivery(position, this.#lost.signal))
      }
    })
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    this.pump()
  }

  backlog(): Backlog {
    return {
      waiting: this.#partition.waiting,
      handedOut: this.#open.size,
      delayed: 0,
      retrying: 0,
      retryAt: undefined,
      full: false,
    }
  }

  /** It keeps the partition until what it was handed is settled. */
  stop(): Promise<void> {
    this.isStopped = true
    this.#leaveIfDone()
    return Promise.resolve()
  }

  #mayTake(): boolean {
    const { messages } = this.#partition
    const isAble = !this.isStopped && !this.#isPaused && this.#partition.has(this)
    return isAble && this.#open.size < this.#prefetch && this.#next < messages.length
  }

  #delivery(position: number, lost: AbortSignal): Delivery {
    return {
      message: this.#partition.messages[position]!,
      redeliveries: undefined,
      handledBefore: undefined,
      lost,
      settle: (settlement) => {
        if (lost.aborted || !this.#open.delete(position)) return 'lost'
        if (settlement.as !== 'given-back') this.#partition.ack(position)
        this.#leaveIfDone()
        this.pump()
        return undefined
      },
    }
  }

  #leaveIfDone(): void {
    if (this.isStopped && this.#open.size === 0) this.#partition.drop(this)
  }
}
