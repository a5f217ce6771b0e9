/**
 * What the thread of the application and that of the file say to each other: calls and their answers, and what happens at a
 * target without being asked. All of one turn of the event loop is one batch, since each costs both threads a wake-up.
 *
 * The worker waits a moment until the application has seen its last batch before it does what it was called for meanwhile:
 * what follows from the answers is in the same commit then. Else of 64 writers one half would wait for the commit of the
 * other in turn, and a flush would do for half as many.
 */
import type { PlainError } from '@tidings/bus/transport'
import type { SqliteOptions } from '../sqlite.ts'

/** What the thread is started with. */
export type WorkerSettings = Omit<SqliteOptions, 'driver' | 'worker'>

/** Something that has methods at the other side. The application numbers them. */
export type Target = number

/** The file itself, at the side of the worker. */
export const theFile: Target = 0

export type Call = readonly [n: number, target: Target, method: string, args: readonly unknown[]]

export type Told =
  | { readonly done: number; readonly value: unknown }
  | { readonly failed: number; readonly error: PlainError }
  | { readonly at: Target; readonly event: string; readonly args: readonly unknown[] }

/** The methods of a target. */
export type Served = Readonly<Record<string, (...args: never[]) => unknown>>

/** What goes over at once. */
export interface Batch<Item> {
  readonly items: readonly Item[]
  /** Its number, from 1. */
  readonly n: number
  /** The number of the last batch of the other side that was seen. */
  readonly seen: number
}

/** The port of either side, as far as it is used. */
interface Port {
  postMessage(message: unknown, transfer: ArrayBuffer[]): void
}

/** Sends what is said in one turn of the event loop together. */
export class Outbox<Item> {
  readonly #port: Port
  #items: Item[] = []
  #transfer: ArrayBuffer[] = []
  #sent = 0
  #seen = 0
  #isDue = false

  constructor(port: Port) {
    this.#port = port
  }

  /** The number of the last batch. */
  get sent(): number {
    return this.#sent
  }

  /** `bytes` go over as they are, and are of no more use here. */
  push(item: Item, bytes?: Uint8Array): void {
    this.#items.push(item)
    if (bytes !== undefined) this.#transfer.push(bytes.buffer as ArrayBuffer)
    this.#willSend()
  }

  /** A batch has come: the other side is told, together with what follows from it. */
  hasSeen(n: number): void {
    this.#seen = n
    this.#willSend()
  }

  #willSend(): void {
    if (this.#isDue) return
    this.#isDue = true
    setImmediate(this.#send)
  }

  readonly #send = (): void => {
    const batch: Batch<Item> = { items: this.#items, n: ++this.#sent, seen: this.#seen }
    const transfer = this.#transfer
    this.#isDue = false
    this.#items = []
    this.#transfer = []
    this.#port.postMessage(batch, transfer)
  }
}

/** Bytes that can be sent: a clone of a view has all that the view is a part of. */
export function ownBytes(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes)
}
