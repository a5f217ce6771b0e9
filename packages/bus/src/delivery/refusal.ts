import { letterId } from '../dead-letter/letter.ts'
import type { DeadLetter } from '../dead-letter/store.ts'
import type { Handler } from '../handler/handler.ts'
import { deliveryHeaders, type Message } from '../message/message.ts'
import { unknownType } from '../message/read.ts'
import type { Job } from './job.ts'
import { asked, type Outcome } from './outcome.ts'
import type { Runtime } from './runtime.ts'

/** How often a delivery may come back without an answer before it is taken for one that ends its process. */
const maxRedeliveries = 20

/** Undefined for what a handler is to see. */
type Refusal = Outcome | undefined

/** How a delivery ends that no handler is to see. The dead letters are asked only where they have a say. */
export function refusalOf(
  runtime: Runtime,
  group: string,
  job: Job,
  handler: Handler | undefined,
): Refusal | Promise<Refusal> {
  const parksKey = handler?.policy.deadLetter === 'park-key' && job.key !== undefined
  const refused = (): Refusal | Promise<Refusal> =>
    refusalByItself(runtime, job, handler) ?? (parksKey ? refusalByKey(runtime, group, job, job.key) : undefined)
  const isReplay = job.delivery.message.headers[deliveryHeaders.replayOf] !== undefined
  return isReplay
    ? findLetter(runtime, group, job).then((isOutdated) => (isOutdated ? 'superseded' : refused()))
    : refused()
}

function refusalByItself(runtime: Runtime, { delivery }: Job, handler: Handler | undefined): Refusal {
  const { message, redeliveries = 0 } = delivery
  if (hasExpired(message, runtime)) return 'expired'
  if (redeliveries > maxRedeliveries) return { error: unsettled(redeliveries), reason: 'unsettled', counts: false }
  if (handler === undefined) throw unknownType(message)
  return undefined
}

function refusalByKey(
  { deadLetters }: Runtime,
  group: string,
  { delivery, replayOf }: Job,
  key: string,
): Refusal | Promise<Refusal> {
  const refusal = (first: DeadLetter | undefined): Refusal => {
    if (first === undefined || first.id === replayOf) return undefined
    // A replay before its turn, or the parked event itself once more: its letter is all that is wanted.
    if (replayOf !== undefined || first.id === letterId(group, delivery.message)) return 'superseded'
    return { error: parkedBehind(first), reason: 'key-parked', counts: false }
  }
  const first = asked(() => deadLetters?.firstOfKey(group, key))
  return first instanceof Promise ? first.then(refusal) : refusal(first)
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

function unsettled(times: number): Error {
  return new Error(`handed out ${times} times and never settled: it may end the process of its handler`)
}

function parkedBehind({ id }: DeadLetter): Error {
  return new Error(`an earlier event of its key is parked as ${id}`)
}
