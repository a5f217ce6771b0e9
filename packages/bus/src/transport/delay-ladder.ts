import { invalidArgument } from '@tidings/core/tools'

/** One wait of a message on its way to its time. */
export interface DelayHop {
  /** Which of the rungs it waits on, from 0. */
  readonly rung: number
  /** How long that takes, in milliseconds. */
  readonly wait: number
}

/** A quarter of a second, each next one twice as long, up to six days. */
const usual: readonly number[] = Array.from({ length: 22 }, (_, rung) => 250 * 2 ** rung)

/**
 * The rungs by which a broker waits that has no delays of its own: queues or topics, each of which lets go what it has
 * been given after one fixed time, so that nothing in it waits behind what is due later. A message goes down by as few
 * of them as there must be; each hop asks anew, by the time that it is then.
 *
 * Never early. Late by less than the shortest rung, and by what the broker is late itself on the last hop.
 *
 * @example
 * const ladder = new DelayLadder()
 * for (const wait of ladder.rungs) await channel.declareQueue(`delay.${wait}`, { ttl: wait, deadLetterTo: 'hops' })
 * const hop = ladder.next(notBefore, clock.now())
 * await channel.send(hop === undefined ? destination : `delay.${hop.wait}`, message)
 */
export class DelayLadder {
  /** Milliseconds, the shortest first. */
  readonly rungs: readonly number[]

  /**
   * `rungs`: milliseconds, each longer than the one before. Default: 250 ms, and each next one twice as long, up to six
   * days; a longer wait takes the longest several times.
   *
   * @throws TidingsError `INVALID_ARGUMENT` for rungs that do not grow, or none
   */
  constructor(options: { readonly rungs?: readonly number[] | undefined } = {}) {
    const { rungs = usual } = options
    const grows = rungs.every((wait, at) => Number.isFinite(wait) && wait > (rungs[at - 1] ?? 0))
    if (!grows || rungs.length === 0) {
      throw invalidArgument('rungs', 'milliseconds above 0, each longer than the one before', rungs.join(', '))
    }
    this.rungs = [...rungs]
  }

  /** Where a message waits next that is due at a time, both in milliseconds since 1970; undefined when it is due now. */
  next(due: number, now: number): DelayHop | undefined {
    const left = due - now
    if (!(left > 0)) return undefined
    const { rungs } = this
    const shortest = rungs[0]!
    // One that waits for it all and is hardly late is better than several shorter ones.
    const above = rungs.findIndex((wait) => wait >= left)
    const rung = above >= 0 && rungs[above]! - left < shortest ? above : (above < 0 ? rungs.length : above) - 1
    return { rung, wait: rungs[rung]! }
  }
}
