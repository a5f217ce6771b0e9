import { randomUUID } from 'node:crypto'
import type { Channel } from 'amqplib'
import { systemClock } from '@tidings/bus'
import type { Link } from '../link.ts'
import type { Names } from '../topology/names.ts'

/** Milliseconds between two signs of life, and after which one that gave none is gone. */
const beat = 500
const goneAfter = 2000
/** Milliseconds for which a newcomer listens before it takes anything. */
const listening = 50

/** What a member says. */
interface Sign {
  readonly id: string
  readonly leaves: boolean
}

/**
 * The members of a group with several partitions, as they hear of each other: which partitions are whose follows from
 * that alone. It is advice: whoever is wrong about it waits in line, since each queue has one active consumer.
 */
export class Company {
  // Who came first stands first, so that a newcomer takes from others and they do not swap among themselves.
  readonly #id = `${Date.now().toString(36).padStart(10, '0')}-${randomUUID()}`
  readonly #names: Names
  readonly #group: string
  readonly #onChange: () => void
  /** When each other one was heard last. */
  readonly #others = new Map<string, number>()
  #ways: { readonly out: Channel; readonly link: Link } | undefined
  #cancelBeat: (() => void) | undefined
  #hasLeft = false

  constructor(names: Names, group: string, onChange: () => void) {
    this.#names = names
    this.#group = group
    this.#onChange = onChange
  }

  /** Whether a partition is this member's, of so many. */
  has(partition: number): boolean {
    const all = [this.#id, ...this.#others.keys()].toSorted((a, b) => (a < b ? -1 : 1))
    return all[partition % all.length] === this.#id
  }

  /** Joins the company on a link; resolves when it has heard of those who are there. */
  async join(link: Link): Promise<void> {
    this.#end()
    this.#others.clear()
    // Another one on each link: that of a link which the broker does not yet know to be dead is there still.
    const queue = this.#names.member(randomUUID())
    const channel = await link.channel(() => {})
    const what = `the queue ${JSON.stringify(queue)}`
    await link.within(what, channel.assertQueue(queue, { exclusive: true, durable: false, autoDelete: true }))
    await link.within(what, channel.bindQueue(queue, this.#names.members(this.#group), ''))
    const hear = channel.consume(queue, (message) => message && this.#hear(message.content), { noAck: true })
    await link.within(what, hear)
    const out = await link.announcing()
    if (this.#hasLeft) return
    this.#ways = { out, link }
    link.onLost(() => this.#end())
    this.#say(false)
    await new Promise<void>((resolve) => systemClock.after(listening, resolve))
    this.#beat()
  }

  /** Takes leave of the others, who share what was its own. */
  leave(): void {
    this.#hasLeft = true
    this.#say(true)
    this.#end()
  }

  #hear(content: Buffer): void {
    const { id, leaves } = JSON.parse(content.toString()) as Sign
    if (id === this.#id) return
    const isNew = !this.#others.has(id)
    if (leaves) this.#others.delete(id)
    else this.#others.set(id, systemClock.now())
    // A newcomer hears of us at once, rather than by our next sign.
    if (isNew && !leaves) this.#say(false)
    if (isNew !== leaves) this.#onChange()
  }

  #beat(): void {
    if (this.#ways === undefined) return
    this.#say(false)
    const now = systemClock.now()
    const gone = [...this.#others].filter(([, heard]) => now - heard > goneAfter)
    for (const [id] of gone) this.#others.delete(id)
    if (gone.length > 0) this.#onChange()
    this.#cancelBeat = systemClock.after(beat, () => this.#beat())
  }

  #say(leaves: boolean): void {
    if (this.#ways === undefined || this.#ways.link.isOver) return
    const sign: Sign = { id: this.#id, leaves }
    try {
      this.#ways.out.publish(this.#names.members(this.#group), '', Buffer.from(JSON.stringify(sign)))
    } catch {
      // The channel is closed: the next link begins anew.
    }
  }

  #end(): void {
    this.#cancelBeat?.()
    this.#cancelBeat = undefined
    this.#ways = undefined
  }
}
