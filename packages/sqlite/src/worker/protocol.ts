/**
 * What the thread of the application and that of the file say to each other: calls and their answers, and what happens at a
 * target without being asked. All of one turn of the event loop is one message, since each costs both threads a wake-up.
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

/** The port of either side, as far as it is used. */
interface Port {
  postMessage(message: unknown, transfer: ArrayBuffer[]): void
}

/** Sends what is said in one turn of the event loop together. */
export class Outbox<Item> {
  readonly #port: Port
  #items: Item[] = []
  #transfer: ArrayBuffer[] = []

  constructor(port: Port) {
    this.#port = port
  }

  /** `bytes` go over as they are, and are of no more use here. */
  push(item: Item, bytes?: Uint8Array): void {
    if (this.#items.push(item) === 1) setImmediate(this.#send)
    if (bytes !== undefined) this.#transfer.push(bytes.buffer as ArrayBuffer)
  }

  readonly #send = (): void => {
    const [items, transfer] = [this.#items, this.#transfer]
    this.#items = []
    this.#transfer = []
    this.#port.postMessage(items, transfer)
  }
}

/** Bytes that can be sent: a clone of a view has all that the view is a part of. */
export function ownBytes(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes)
}
