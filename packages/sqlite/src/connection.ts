import {
  BusClosedError,
  type Connection,
  type ConnectOptions,
  type DeadLetterStore,
  type Delivery,
  GroupInUseError,
  type GroupRequest,
  type Groups,
  type Membership,
  MessageTooLargeError,
  type Outgoing,
  oversize,
  type Work,
} from '@tidings/bus/transport'
import { groupsOf } from './group/backlogs.ts'
import { join, type Place } from './group/membership.ts'
import { removeGroup } from './nodes/nodes.ts'
import { letterStoreOf } from './file/letter-store.ts'
import { Publishing } from './file/publishing.ts'
import { writeAndSend } from './file/write-and-send.ts'
import type { SharedFile } from './file/shared-file.ts'

/** One bus's way to a file. */
export class SqliteConnection implements Connection {
  readonly deadLetters: DeadLetterStore
  readonly groups: Groups
  readonly #file: SharedFile
  readonly #options: ConnectOptions
  readonly #onClosed: () => Promise<void>
  readonly #places = new Set<Place>()
  readonly #lost = new AbortController()
  #closing: Promise<void> | undefined

  /** `onClosed` lets go of the file. */
  constructor(file: SharedFile, options: ConnectOptions, onClosed: () => Promise<void>) {
    this.#file = file
    this.#options = options
    this.#onClosed = onClosed
    this.deadLetters = letterStoreOf(file)
    this.groups = {
      list: () => groupsOf(file),
      remove: (name) => file.commit(() => this.#remove(name)),
      unbind: (name, types) => file.commit(() => this.#unbind(name, types)),
    }
    options.onState('connected')
  }

  publish(outgoing: Outgoing): Promise<void> {
    if (this.#closing) return Promise.reject(new BusClosedError('publish'))
    const tooLarge = this.#tooLarge(outgoing)
    if (tooLarge !== undefined) return Promise.reject(tooLarge)
    return new Promise((resolve, reject) => {
      this.#file.submit(new Publishing(this.#file, outgoing, this.#options, resolve, reject))
    })
  }

  async transact(work: Work | undefined, outgoing: readonly Outgoing[]): Promise<void> {
    if (this.#closing) throw new BusClosedError('a transaction')
    for (const each of outgoing) {
      const tooLarge = this.#tooLarge(each)
      if (tooLarge !== undefined) throw tooLarge
    }
    const { unroutable, refused } = await this.#file.commit(() => writeAndSend(this.#file, work, outgoing))
    if (refused !== undefined) throw refused.error
    for (const message of unroutable) this.#options.onUnroutable(message)
  }

  async subscribe(
    request: GroupRequest,
    deliver: (delivery: Delivery) => void,
    signal?: AbortSignal,
  ): Promise<Membership> {
    signal?.throwIfAborted()
    if (this.#closing) throw new BusClosedError('subscribe')
    const place = await join(this.#file, request, deliver, this.#lost.signal, (message) => {
      this.#options.onUnroutable(message)
    })
    this.#places.add(place)
    if (this.#closing) {
      await this.#end([place])
      throw new BusClosedError('subscribe')
    }
    return place.membership
  }

  cancel(id: string): Promise<boolean> {
    if (this.#closing) return Promise.reject(new BusClosedError('cancel'))
    return this.#file.commit(() => this.#file.delayed.cancel(id))
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  #tooLarge({ message }: Outgoing): MessageTooLargeError | undefined {
    const { maxMessageSize } = this.#file
    const size = oversize(message, maxMessageSize)
    return size === undefined
      ? undefined
      : new MessageTooLargeError(String(message.attributes['type']), size, maxMessageSize)
  }

  async #close(): Promise<void> {
    await this.#end([...this.#places])
    this.#lost.abort(new DOMException('the connection was closed', 'AbortError'))
    await this.#onClosed()
    this.#options.onState('closed')
  }

  async #end(places: readonly Place[]): Promise<void> {
    try {
      const backs = await this.#file.commit(() => places.map((place) => place.end()))
      for (const back of backs) back()
      // Those that settle still are told of what came of it.
      await this.#file.commit(() => {})
    } catch {
      // Nobody is left to be told: what is unsettled comes back when this process ends.
    }
  }

  #remove(name: string): boolean {
    const { catalog, statements } = this.#file
    const group = catalog.named(name)
    if (group === undefined) return false
    const members = statements.number('SELECT total(count) FROM tidings_members WHERE group_id = ?', group.id)
    if (members > 0) throw new GroupInUseError(name, members)
    removeGroup(statements, group.id)
    catalog.changes()
    return true
  }

  #unbind(name: string, types: readonly string[]): boolean {
    const { catalog, statements, log } = this.#file
    const group = catalog.named(name)
    if (group === undefined) return false
    for (const type of types) {
      statements.run(
        'UPDATE tidings_bindings SET until = ? WHERE group_id = ? AND type = ? AND until IS NULL',
        log.head,
        group.id,
        type,
      )
    }
    catalog.changes()
    return true
  }
}
