/**
 * How `socketTransport` and `serveTransport` speak with each other, over one TCP connection for each connection of a bus.
 *
 * Frames. A frame is a length of four bytes, big-endian, and as many bytes of JSON: an object whose `op` says what it
 * is, one of the two types below. Bytes of a body are base64. A frame that cannot be read ends the connection.
 *
 * Beginning. The client says `hello`; the server answers `welcome`, or `failed` and ends. `client` is an id that lasts
 * as long as the client's connection does: when it says hello again after its TCP connection broke, the server first
 * ends the session before, so that deliveries nobody can settle any more are not held back.
 *
 * Requests carry a number `n`, unique for the client's connection; exactly one `done` or `failed` with it comes back, in
 * any order. `done` for `publish` is the confirm, for `settle` it says that the settlement is carried out, and for `replay`
 * it has the number of letters. `abort` takes a publish back that waits for room, and ends a replay behind the letter under
 * way; so does the end of the connection. What was aborted is answered still.
 *
 * Deliveries. `deliver` carries the client's number of the member, a number of the delivery, and one of its lease, and
 * whether the group has handled the event before where the member asked for it by `marks`. `settle` names the delivery;
 * TCP brings it before whatever is sent after it, `close` included. After `failed` the delivery is held still. What a
 * handler would write within the commit cannot go over a wire. `lost` takes back all unsettled deliveries of a lease. When the connection ends, for whatever reason, all unsettled
 * deliveries go back to their groups.
 *
 * Heartbeats. The client pings once in `heartbeat` milliseconds, the server answers. Who hears nothing for three of them
 * takes the connection for dead and resets it.
 */
import type { Capabilities, DeadLetter, Message } from '@tidings/bus'
import type {
  Backlog,
  DeadLettered,
  Discarded,
  GivenBack,
  GroupRequest,
  Handled,
  Later,
  Outgoing,
  PlainError,
  Settlement,
} from '@tidings/bus/transport'

export type ClientFrame =
  | { readonly op: 'hello'; readonly client: string; readonly name: string; readonly heartbeat: number }
  | ({ readonly op: 'publish'; readonly n: number } & WireOutgoing)
  | WireReplay
  | { readonly op: 'abort'; readonly n: number }
  | { readonly op: 'subscribe'; readonly n: number; readonly member: number; readonly request: GroupRequest }
  | { readonly op: 'pause' | 'resume'; readonly member: number }
  | { readonly op: 'settle'; readonly n: number; readonly delivery: number; readonly settlement: WireSettlement }
  | { readonly op: 'close'; readonly n: number }
  | ({ readonly n: number } & Request)
  | { readonly op: 'ping' }

/** Sends the letters of a sink back; `done` has their number. A bound that is null is none. */
export interface WireReplay {
  readonly op: 'replay'
  readonly n: number
  readonly group: string
  readonly rate: number | null
  readonly limit: number | null
}

/** What is asked for an answer. */
export type Request =
  | { readonly op: 'stop' | 'backlog'; readonly member: number }
  | { readonly op: 'cancel'; readonly id: string }
  | GroupsRequest
  | LetterRequest

/** What is asked of the groups. */
export type GroupsRequest =
  | { readonly op: 'group.list' }
  | { readonly op: 'group.remove'; readonly group: string }
  | { readonly op: 'group.unbind'; readonly group: string; readonly types: readonly string[] }

/** What is asked of the store of dead letters. */
export type LetterRequest =
  | { readonly op: 'letter.add'; readonly letter: WireLetter }
  | { readonly op: 'letter.get' | 'letter.remove'; readonly id: string }
  | {
      readonly op: 'letter.list'
      readonly query: {
        readonly group?: string | undefined
        readonly after?: string | undefined
        readonly limit: number
      }
    }
  | { readonly op: 'letter.first'; readonly group: string; readonly key: string }

export type ServerFrame =
  | { readonly op: 'welcome'; readonly capabilities: WireCapabilities }
  | { readonly op: 'done'; readonly n: number; readonly value?: unknown }
  | { readonly op: 'failed'; readonly n: number; readonly error: PlainError }
  | {
      readonly op: 'deliver'
      readonly member: number
      readonly delivery: number
      readonly lease: number
      readonly redeliveries: number | undefined
      readonly handledBefore: boolean | undefined
      readonly message: WireMessage
    }
  | { readonly op: 'lost'; readonly lease: number }
  | { readonly op: 'unroutable'; readonly message: WireMessage }
  | { readonly op: 'pong' }

/** In `failed` where no request is meant, but the hello. */
export const noRequest = 0

/** `base64` where the body is bytes. */
export interface WireMessage extends Omit<Message, 'body'> {
  readonly text?: string | undefined
  readonly base64?: string | undefined
}

export interface WireOutgoing extends Omit<Outgoing, 'message'> {
  readonly message: WireMessage
}

type WithEffects<S> = Omit<S, 'effects'> & { readonly effects: readonly WireOutgoing[] }

export type WireSettlement =
  | WithEffects<Omit<Handled, 'work'>>
  | WithEffects<Omit<DeadLettered, 'letter'> & { readonly letter: WireLetter }>
  | WithEffects<Discarded>
  | Later
  | GivenBack

export interface WireLetter extends Omit<DeadLetter, 'message'> {
  readonly message: WireMessage
}

export interface WireCapabilities extends Omit<Capabilities, 'maxMessageSize' | 'maxHeadersSize' | 'maxHold'> {
  readonly maxMessageSize: number | null
  readonly maxHeadersSize: number | null
  readonly maxHold: number | null
}

export function toWire({ attributes, contentType, headers, body }: Message): WireMessage {
  const rest = { attributes, contentType, headers }
  if (body === undefined) return rest
  return typeof body === 'string' ? { ...rest, text: body } : { ...rest, base64: base64Of(body) }
}

export function fromWire({ attributes, contentType, headers, text, base64 }: WireMessage): Message {
  const body = base64 === undefined ? text : new Uint8Array(Buffer.from(base64, 'base64'))
  return { attributes, contentType, headers, body }
}

export function outgoingToWire({ message, ...rest }: Outgoing): WireOutgoing {
  return { ...rest, message: toWire(message) }
}

export function outgoingFromWire({ message, ...rest }: WireOutgoing): Outgoing {
  return { ...rest, message: fromWire(message) }
}

/** Without the work of its handler, which is a function. */
export function settlementToWire(settlement: Settlement): WireSettlement {
  if (settlement.as === 'later' || settlement.as === 'given-back') return settlement
  const effects = settlement.effects.map(outgoingToWire)
  if (settlement.as === 'dead-lettered')
    return { as: 'dead-lettered', effects, letter: letterToWire(settlement.letter) }
  const { replayed } = settlement
  if (settlement.as === 'discarded') return { as: 'discarded', effects, replayed }
  return { as: 'handled', effects, replayed, mark: settlement.mark }
}

export function settlementFromWire(settlement: WireSettlement): Settlement {
  if (settlement.as === 'later' || settlement.as === 'given-back') return settlement
  const effects = settlement.effects.map(outgoingFromWire)
  if (settlement.as === 'dead-lettered') {
    return { as: 'dead-lettered', effects, letter: letterFromWire(settlement.letter) }
  }
  const { replayed } = settlement
  if (settlement.as === 'discarded') return { as: 'discarded', effects, replayed }
  return { as: 'handled', effects, replayed, mark: settlement.mark, work: undefined }
}

/** JSON leaves out what is undefined. */
export function backlogFromWire<B extends Backlog>(backlog: B): B {
  return { ...backlog, retryAt: backlog.retryAt }
}

export function letterToWire(letter: DeadLetter): WireLetter {
  return { ...letter, message: toWire(letter.message) }
}

export function letterFromWire(letter: WireLetter): DeadLetter {
  return { ...letter, error: letter.error, message: fromWire(letter.message) }
}

export function capabilitiesToWire(capabilities: Capabilities): WireCapabilities {
  return {
    ...capabilities,
    maxMessageSize: boundToWire(capabilities.maxMessageSize),
    maxHeadersSize: boundToWire(capabilities.maxHeadersSize),
    maxHold: boundToWire(capabilities.maxHold),
  }
}

export function capabilitiesFromWire(capabilities: WireCapabilities): Capabilities {
  const { maxMessageSize, maxHeadersSize, maxHold } = capabilities
  return {
    ...capabilities,
    maxMessageSize: boundFromWire(maxMessageSize),
    maxHeadersSize: boundFromWire(maxHeadersSize),
    maxHold: boundFromWire(maxHold),
  }
}

/** JSON has no `Infinity`: null. */
export function boundToWire(bound: number): number | null {
  return bound === Infinity ? null : bound
}

export function boundFromWire(bound: number | null): number {
  return bound ?? Infinity
}

function base64Of(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}
