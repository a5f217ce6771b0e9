import { recorded } from '../dead-letter/recorded-error.ts'
import { deliveryHeaders, type Message } from '../message/message.ts'
import type { Job } from './job.ts'

/** Characters of the error's message that a header has room for: many brokers bound what all headers take. */
const longestMessage = 500

/** What a message bears to its next attempt: which it is, when the first one failed, and why the last one did. */
export function attemptHeaders(job: Job, error: unknown): Readonly<Record<string, string>> {
  const { name, code, message } = recorded(error)
  const short = { name, ...(code === undefined ? {} : { code }), message: message.slice(0, longestMessage) }
  return {
    [deliveryHeaders.attempt]: String(job.failures + 1),
    ...(job.firstFailedAt === undefined ? {} : { [deliveryHeaders.firstFailedAt]: job.firstFailedAt }),
    [deliveryHeaders.lastError]: JSON.stringify(short),
  }
}

/** Why the attempt before failed, as an error; undefined where nothing is known of it. */
export function lastErrorOf({ headers }: Message): Error | undefined {
  const text = headers[deliveryHeaders.lastError]
  if (text === undefined) return undefined
  try {
    const { name, code, message } = JSON.parse(text) as Record<string, unknown>
    const error = new Error(String(message))
    // The stack of this line would mislead: the error's own was not kept.
    delete error.stack
    return Object.assign(error, { name: String(name) }, typeof code === 'string' ? { code } : {})
  } catch {
    // Anybody can write headers.
    return undefined
  }
}
