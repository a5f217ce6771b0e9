import type { GroupConsumer } from '../delivery/group-consumer.ts'
import type { HandlerLog } from '../handler/context.ts'
import type { Group } from '../transport/groups.ts'
import type { Transport } from '../transport/transport.ts'
import type { BusConnection } from './bus-connection.ts'
import { listedNow } from './groups.ts'

const open = new Set<LeftBehind>()
let isListening = false

/** Says in one line what a bus leaves behind: at its end, and at the end of the process where it was not closed before. */
export class LeftBehind {
  readonly #log: HandlerLog
  readonly #transport: Transport
  readonly #connection: BusConnection

  constructor(log: HandlerLog, transport: Transport, connection: BusConnection) {
    this.#log = log
    this.#transport = transport
    this.#connection = connection
  }

  /** From now on the end of the process is told, where the transport forgets with it what it holds. */
  watch(): void {
    if (this.#transport.capabilities.durable) return
    open.add(this)
    const { process } = globalThis as { process?: { once?(event: 'exit', listener: () => void): unknown } }
    if (isListening || !process?.once) return
    isListening = true
    process.once('exit', () => {
      for (const each of open) each.#sayAtExit()
    })
  }

  /** The bus closes: the end of the process is nothing to tell any more. */
  unwatch(): void {
    open.delete(this)
  }

  /** What was given back by these groups, and what goes with the process. */
  say(groups: readonly GroupConsumer[]): void {
    const givenBack = groups.flatMap(({ group, givenBack: count }) => (count > 0 ? [`${group}: ${count}`] : []))
    if (givenBack.length > 0) {
      this.#log.info(`the bus is closed, and has given back what was not handled: ${givenBack.join(', ')}`)
    }
    // What has members elsewhere is in good hands, and what is temporary goes by intent.
    const left = this.#groups().filter(({ members, temporary }) => members === 0 && !temporary)
    const lost = inWords(left)
    if (lost === undefined) return
    // It waits neither for what is delayed nor for groups that this bus is not in.
    const isOwn = (name: string): boolean => groups.some(({ group }) => group === name)
    const canWait = left.some(({ group, waiting, retrying }) => waiting + retrying > 0 && isOwn(group))
    const advice = canWait ? '. Wait for bus.idle() first' : ''
    this.#log.warn(
      `the bus is closed while ${this.#transport.name} holds events that go with the process: ${lost}${advice}`,
    )
  }

  #sayAtExit(): void {
    const lost = inWords(this.#groups())
    if (lost === undefined) return
    const { name } = this.#transport
    this.#log.warn(`the process ends before the bus is closed, and what ${name} holds goes with it: ${lost}`)
  }

  /** The groups of a transport that forgets them with the process, and can tell at once. */
  #groups(): readonly Group[] {
    return this.#transport.capabilities.durable ? [] : listedNow(this.#connection.current?.groups)
  }
}

/** What these groups hold; undefined for nothing. */
function inWords(groups: readonly Group[]): string | undefined {
  const parts = groups.flatMap(({ group, waiting, handedOut, retrying, delayed }) => {
    const facts = [
      [waiting, 'waiting'],
      [handedOut, 'being handled'],
      [retrying, 'waiting for a retry'],
      [delayed, 'delayed'],
    ] as const
    const found = facts.flatMap(([count, what]) => (count > 0 ? [`${count} ${what}`] : []))
    return found.length > 0 ? [`${group}: ${found.join(', ')}`] : []
  })
  return parts.length > 0 ? parts.join('; ') : undefined
}
