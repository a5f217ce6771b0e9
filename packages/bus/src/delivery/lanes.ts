import { Deque } from '../collections/deque.ts'
import type { Job } from './job.ts'

interface Lane {
  /** Whose turn it is. */
  front: Job
  readonly behind: Deque<Job>
  /** How many of them can do nothing before the next attempt of the front is due. */
  blocked: number
}

/**
 * One lane for each key: of the deliveries of a key, one has its turn, and the others wait behind it. A transport that
 * orders by key hands out one at a time by itself; even there a handler whose connection was lost may still run when its
 * event comes again.
 */
export class Lanes {
  readonly #lanes = new Map<string, Job | Lane>()
  /** How many stand behind one that waits for its next attempt. */
  blocked = 0

  /** Takes a job in; says whether it has its turn at once, as it has no key or is the only one of it. */
  enter(job: Job): boolean {
    const { key } = job
    if (key === undefined) return true
    const lane = this.#lanes.get(key)
    if (lane === undefined) {
      this.#lanes.set(key, job)
      return true
    }
    const front = 'behind' in lane ? lane.front : lane
    const behind = 'behind' in lane ? lane.behind : new Deque<Job>()
    // A replay is older than what waits for its next attempt, and must get through however long that waits; but not older
    // than the replay that came before it.
    const passes = job.isReplay && !front.isReplay && front.state === 'waiting'
    if (passes) behind.unshift(front)
    else behind.push(job)
    const changed = 'behind' in lane ? lane : { front, behind, blocked: 0 }
    if (passes) changed.front = job
    this.#lanes.set(key, changed)
    this.#count(changed)
    return passes
  }

  /** Whether it is this job's turn. */
  hasTurn(job: Job): boolean {
    if (job.key === undefined) return true
    const lane = this.#lanes.get(job.key)
    return lane === job || (lane !== undefined && 'behind' in lane && lane.front === job)
  }

  /** Its wait for the next attempt has begun, or ended. */
  changes({ key }: Job): void {
    const lane = key === undefined ? undefined : this.#lanes.get(key)
    if (lane !== undefined && 'behind' in lane) this.#count(lane)
  }

  /** Drops those that wait and are ours no more. */
  forgetGone(): void {
    for (const lane of this.#lanes.values()) {
      if (!('behind' in lane)) continue
      for (const job of lane.behind.clear()) if (job.isOurs) lane.behind.push(job)
      this.#count(lane)
    }
  }

  /** The turn of a job is over, if it has it; the one whose turn has come, if one waits. */
  leave(job: Job): Job | undefined {
    const { key } = job
    if (key === undefined || !this.hasTurn(job)) return undefined
    const lane = this.#lanes.get(key)!
    const behind = 'behind' in lane ? lane.behind : undefined
    let next = behind?.shift()
    while (next !== undefined && !next.isOurs) next = behind?.shift()
    const replay = next?.state === 'waiting' && !next.isReplay ? takeReplay(behind!) : undefined
    if (replay !== undefined) {
      behind!.unshift(next!)
      next = replay
    }
    if (next === undefined) this.#lanes.delete(key)
    else if (behind!.size === 0) this.#lanes.set(key, next)
    else (lane as Lane).front = next
    if ('behind' in lane) this.#count(lane)
    return next
  }

  #count(lane: Lane): void {
    const blocked = lane.front.state === 'waiting' ? lane.behind.size : 0
    this.blocked += blocked - lane.blocked
    lane.blocked = blocked
  }
}

/** The first replay among those that wait behind one whose next attempt is not due. */
function takeReplay(behind: Deque<Job>): Job | undefined {
  let replay: Job | undefined
  for (const job of behind.clear()) {
    if (replay === undefined && job.isReplay && job.isOurs) replay = job
    else behind.push(job)
  }
  return replay
}
