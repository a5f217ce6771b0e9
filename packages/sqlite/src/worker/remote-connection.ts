import {
  BusClosedError,
  CapabilityMissingError,
  type Connection,
  type ConnectOptions,
  type DeadLetterStore,
  type Delivery,
  type GroupRequest,
  type Groups,
  Lease,
  type Membership,
  type Message,
  OutcomeUnknownError,
  type Outgoing,
  type Settled,
  type Settlement,
  SettlementRefusedError,
} from '@tidings/bus/transport'
import type { FileWorker, Remote } from './file-worker.ts'
import { ownBytes, type Target, theFile } from './protocol.ts'
import { RemoteMember } from './remote-member.ts'
import type { ConnectionTargets, SettledThere } from './served-file.ts'

/** One bus's way to a file that a worker has open. */
export class RemoteConnection implements Connection {
  readonly deadLetters: DeadLetterStore
  readonly groups: Remote<Groups>
  readonly #worker: FileWorker
  readonly #target: Target
  readonly #options: ConnectOptions
  readonly #release: () => Promise<void>
  readonly #members = new Map<number, RemoteMember>()
  /** All that this connection is handed is lost together. */
  readonly #lease = new Lease()
  readonly #stopListening: () => void
  #memberNumbers = 0
  #closing: Promise<void> | undefined

  private constructor(
    worker: FileWorker,
    targets: ConnectionTargets,
    options: ConnectOptions,
    release: () => Promise<void>,
  ) {
    this.#worker = worker
    this.#target = targets.connection
    this.#options = options
    this.#release = release
    const letters = worker.remote<DeadLetterStore>(targets.letters, ['add', 'get', 'list', 'remove', 'firstOfKey'])
    this.deadLetters = { ...letters, add: (letter) => letters.add({ ...letter, message: sendable(letter.message) }) }
    this.groups = worker.remote<Groups>(targets.groups, ['list', 'remove', 'unbind'])
    this.#stopListening = worker.onLost((error) => {
      this.#lease.lose(error)
      options.onState('closed', error)
    })
  }

  /** `release` lets go of the worker. */
  static async open(worker: FileWorker, options: ConnectOptions, release: () => Promise<void>): Promise<Connection> {
    const target = worker.target({
      deliver: (...delivered: Delivered) => connection.#deliver(...delivered),
    })
    const targets: ConnectionTargets = { connection: target, letters: worker.target(), groups: worker.target() }
    await worker.call(theFile, 'connect', [options.name, targets])
    const connection = new RemoteConnection(worker, targets, options, release)
    options.onState('connected')
    return connection
  }

  async publish(outgoing: Outgoing): Promise<void> {
    if (this.#closing) throw new BusClosedError('publish')
    if (this.#worker.lost !== undefined) throw this.#worker.lost
    try {
      if (await this.#call('publish', sendableOutgoing(outgoing))) this.#options.onUnroutable(outgoing.message)
    } catch (error) {
      throw this.#worker.lost === undefined ? error : unknownOutcome(error)
    }
  }

  async subscribe(
    request: GroupRequest,
    deliver: (delivery: Delivery) => void,
    signal?: AbortSignal,
  ): Promise<Membership> {
    signal?.throwIfAborted()
    if (this.#closing) throw new BusClosedError('subscribe')
    const id = ++this.#memberNumbers
    const member = new RemoteMember(
      (method) => this.#call(method, id),
      deliver,
      () => this.#members.delete(id),
    )
    this.#members.set(id, member)
    try {
      await this.#call('subscribe', id, request)
      return member
    } catch (error) {
      this.#members.delete(id)
      throw error
    }
  }

  cancel(id: string): Promise<boolean> {
    if (this.#closing) return Promise.reject(new BusClosedError('cancel'))
    return this.#call('cancel', id) as Promise<boolean>
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  async #close(): Promise<void> {
    // Where it was lost, this has been told.
    if (this.#worker.lost === undefined) {
      await this.#call('close').catch(() => {})
      this.#lease.lose(new DOMException('the connection was closed', 'AbortError'))
      this.#options.onState('closed')
      await this.#call('forget').catch(() => {})
    }
    this.#stopListening()
    this.#worker.forget(this.#target)
    await this.#release()
  }

  #deliver(...[member, n, message, redeliveries, handledBefore]: Delivered): void {
    const to = this.#members.get(member)
    const settle = (settlement: Settlement): Promise<Settled> => this.#settle(n, settlement)
    to?.take({ n, message, redeliveries, handledBefore, settle }, this.#lease)
  }

  async #settle(n: number, settlement: Settlement): Promise<Settled> {
    if (settlement.as === 'handled' && settlement.work !== undefined) {
      const missing = { capability: 'transactions', wantedBy: 'a settlement with `work`' }
      throw new SettlementRefusedError(new CapabilityMissingError('sqlite in a worker', [missing]))
    }
    try {
      const [settled, ...unroutable] = (await this.#call('settle', n, sendableSettlement(settlement))) as SettledThere
      if ('effects' in settlement)
        for (const at of unroutable) this.#options.onUnroutable(settlement.effects[at]!.message)
      return settled
    } catch (error) {
      throw this.#worker.lost === undefined ? error : unknownOutcome(error)
    }
  }

  #call(method: string, ...args: unknown[]): Promise<unknown> {
    return this.#worker.call(this.#target, method, args)
  }
}

type Delivered = [
  member: number,
  n: number,
  message: Message,
  redeliveries: number | undefined,
  handledBefore: boolean | undefined,
]

function unknownOutcome(cause: unknown): OutcomeUnknownError {
  return new OutcomeUnknownError('the worker of its file has ended', { cause })
}

export function sendable(message: Message): Message {
  const { body } = message
  return body instanceof Uint8Array ? { ...message, body: ownBytes(body) } : message
}

function sendableOutgoing(outgoing: Outgoing): Outgoing {
  const message = sendable(outgoing.message)
  return message === outgoing.message ? outgoing : { ...outgoing, message }
}

function sendableSettlement(settlement: Settlement): Settlement {
  if (settlement.as === 'later' || settlement.as === 'given-back') return settlement
  const effects = settlement.effects.map(sendableOutgoing)
  if (settlement.as !== 'dead-lettered') return { ...settlement, effects }
  return { ...settlement, effects, letter: { ...settlement.letter, message: sendable(settlement.letter.message) } }
}
