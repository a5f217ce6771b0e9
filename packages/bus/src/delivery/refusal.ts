import { letterId } from '../dead-letter/letter.ts'
import type { DeadLetter } from '../stores/dead-letters.ts'
import type { Handler } from '../handler/handler.ts'
import { deliveryHeaders, type Message } from '../message/message.ts'
import { unknownType } from '../message/read.ts'
import { lockOfKey } from '../dead-letter/locks.ts'
import { lastErrorOf } from './attempt-headers.ts'
import type { Job } from './job.ts'
import { asked, type Outcome, UnsettledError } from './outcome.ts'
import type { Runtime } from './runtime.ts'

/**
 * How often the member that holds a delivery may die before the event is taken for one that ends its process. A transport
 * hands it out alone by then, so that no other event can be to blame.
 */
const maxDeaths = 5

/** Milliseconds after which the copy of a letter counts as lost on its way. */
const longestReplay = 600_000

/** Undefined for what a handler is to see. */
type Refusal = Outcome | undefined

/** How a delivery ends that no handler is to see, whatever its group has handled. A replay is told its letter. */
export function refusalOf(
  runtime: Runtime,
  group: string,
  job: Job,
  handler: Handler | undefined,
  deaths: number,
): Refusal | Promise<Refusal> {
  return job.isReplay
    ? findLetter(runtime, group, job).then((isOutdated) =>
        isOutdated ? 'superseded' : refusalByItself(runtime, job, handler, deaths),
      )
    : refusalByItself(runtime, job, handler, deaths)
}

function refusalByItself(runtime: Runtime, { delivery }: Job, handler: Handler | undefined, deaths: number): Refusal {
  const { message } = delivery
  if (hasExpired(message, runtime)) return 'expired'
  if (deaths >= maxDeaths) {
    return { error: new UnsettledError(deaths, lastErrorOf(message)), reason: 'unsettled', counts: false }
  }
  if (handler === undefined) throw unknownType(message)
  return undefined
}

/**
 * How a delivery ends whose key is parked. Asked behind the inbox: what its group has handled is no business of the key
 * any more.
 */
export function refusalByKey(runtime: Runtime, group: string, job: Job, handler: Handler): Refusal | Promise<Refusal> {
  const { key } = job
  if (handler.policy.deadLetter !== 'park-key' || key === undefined) return undefined
  return refusalWhereParked(runtime, group, job, key)
}

function refusalWhereParked(runtime: Runtime, group: string, job: Job, key: string): Refusal | Promise<Refusal> {
  const first = asked(() => runtime.deadLetters?.firstOfKey(group, key))
  // Nearly always, and at once where the letters are at hand.
  if (first === undefined) return undefined
  return first instanceof Promise
    ? first.then((is) => refusalBehind(runtime, group, job, key, is))
    : refusalBehind(runtime, group, job, key, first)
}

/** `first`: the oldest letter of the key. */
function refusalBehind(
  { locks, clock, capabilities }: Runtime,
  group: string,
  { delivery, replayOf }: Job,
  key: string,
  first: DeadLetter | undefined,
): Refusal {
  if (first === undefined || first.id === replayOf) return undefined
  // A replay before its turn, or the parked event itself once more: its letter is all that is wanted.
  if (replayOf !== undefined || first.id === letterId(group, delivery.message)) return 'superseded'
  // Its letters are on their way back: what came behind them waits for them, rather than be parked once more. Where a
  // replay cannot go ahead it would not get through: then what is before it is parked, and comes behind it.
  const goesAhead = capabilities.ordering === 'key'
  const sentAgo = first.replayedAt === undefined ? Infinity : clock.now() - Date.parse(first.replayedAt)
  if (goesAhead && (sentAgo < longestReplay || locks.isTaken(lockOfKey(group, key)))) return 'awaits-replay'
  return { error: parkedBehind(first), reason: 'key-parked', counts: false }
}

/**
 * Whose replay it is; resolves to whether another copy has been sent since. Anybody can write headers: a letter of another
 * group, or of another event, is not touched.
 */
async function findLetter({ deadLetters }: Runtime, group: string, job: Job): Promise<boolean> {
  const { headers, attributes } = job.delivery.message
  const letter = await asked(() => deadLetters?.get(headers[deliveryHeaders.replayOf]!))
  const { id, source } = letter?.message.attributes ?? {}
  if (letter?.group !== group || id !== attributes['id'] || source !== attributes['source']) return false
  job.replayOf = letter.id
  const mark = headers[deliveryHeaders.replayedAt]
  return mark !== undefined && letter.replayedAt !== undefined && letter.replayedAt !== mark
}

function hasExpired({ attributes }: Message, { clock }: Runtime): boolean {
  const expiry = attributes['expirytime']
  return expiry !== undefined && Date.parse(String(expiry)) <= clock.now()
}

function parkedBehind({ id }: DeadLetter): Error {
  return new Error(`an earlier event of its key is parked as ${id}`)
}
