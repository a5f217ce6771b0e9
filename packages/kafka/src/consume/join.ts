import { ProduceAcks } from '@platformatic/kafka'
import { systemClock } from '@tidings/bus'
import type { GroupRequest } from '@tidings/bus/transport'
import { isTidingsError } from '@tidings/core'
import type { Link } from '../link.ts'
import { bindingOf } from './bindings.ts'
import type { Session } from './member.ts'

/** Milliseconds behind an attempt that has failed. */
const pause = 200

/** Whoever has a place in a group. */
export interface Joining {
  session: Session | undefined
  readonly isStopped?: boolean
  readonly request?: GroupRequest
}

/** How it joins. */
export interface JoinOptions {
  newSession(): Session
  /** Sees that its topics are there. */
  prepare(link: Link): Promise<void>
  /** The topic of what groups ask for. */
  readonly bindings: string
}

/**
 * Takes a place in a group, where there is none yet: one that there is outlives the link. Tries until it has one or the
 * link is lost; rejects with what no other attempt mends.
 */
export async function joinGroup(link: Link, who: Joining, options: JoinOptions): Promise<void> {
  while (who.session === undefined && !who.isStopped) {
    let session: Session | undefined
    try {
      await options.prepare(link)
      if (who.request !== undefined && !who.request.temporary) await bind(link, who.request, options.bindings)
      session = options.newSession()
      who.session = session
      await session.join()
    } catch (error) {
      who.session = undefined
      void session?.destroy(error)
      if (link.isLost || who.isStopped || isLasting(error)) throw error
      await new Promise<void>((resolve) => systemClock.after(pause, resolve))
    }
  }
}

/** Tells all members of the group, the older ones too, what it asks for. */
async function bind(link: Link, { group, types }: GroupRequest, topic: string): Promise<void> {
  if (types.length === 0) return
  const value = Buffer.from('1')
  const messages = types.map((type) => ({ topic, key: Buffer.from(bindingOf(group, type)), value, partition: 0 }))
  await link.ask(`the topic ${JSON.stringify(topic)}`, link.producer.send({ messages, acks: ProduceAcks.ALL }))
}

function isLasting(error: unknown): boolean {
  return ['KAFKA_REFUSED', 'KAFKA_MISSING', 'INVALID_ARGUMENT'].some((code) => isTidingsError(error, code))
}
