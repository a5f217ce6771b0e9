import { median } from '../report/statistics.ts'
import { fitting, type Timed, tuned } from './race.ts'
import { Counted, type Race } from './subject.ts'

/** How long a race lasts in which a disk is waited for. */
export interface DiskPace {
  /** Timed turns of each subject. */
  readonly turns: number
  /** Events that each delivers before, untimed, unless `limit` comes first: what handles is compiled for good by then. */
  readonly warmUp: number
  /** Milliseconds of one turn, about: some commits, and now and then a checkpoint. */
  readonly turn: number
  /** Milliseconds after which no more turns are taken; one always is. */
  readonly limit: number
}

const defaultPace: DiskPace = { turns: 9, warmUp: 30_000, turn: 60, limit: 2500 }

/** As {@link Timed}, and the CPU time of all threads. */
export interface DiskTimed extends Timed {
  readonly cpu: { readonly contestant: number; readonly yardstick: number }
}

/**
 * Times two subjects in turns, each of many commits. All turns of one are added up, so that no checkpoint is left out: it
 * is part of what a commit costs. Waiting for the disk is part of the time, so CPU time, which is not disturbed by others
 * who use it, is told besides.
 */
export async function diskRace({ contestant, yardstick }: Race, pace: DiskPace = defaultPace): Promise<DiskTimed> {
  const first = new Runner(contestant, 'the contestant')
  const second = new Runner(yardstick, 'the yardstick')
  for (const runner of [first, second]) await runner.tune(pace)
  first.check('before')
  second.check('before')
  const start = performance.now()
  for (let turn = 0; turn < pace.turns; turn++) {
    if (turn > 0 && performance.now() - start > pace.limit) break
    // Who begins changes, so that what the one leaves behind does not always fall on the other.
    for (const runner of turn % 2 === 0 ? [first, second] : [second, first]) await runner.turn()
  }
  first.check('after')
  second.check('after')
  const [one, two] = [first.perUnit(), second.perUnit()]
  return {
    ratio: two.wall / one.wall,
    contestant: one.wall,
    yardstick: two.wall,
    cpu: { contestant: one.cpu, yardstick: two.cpu },
  }
}

/** One subject and what it has used. */
class Runner {
  readonly #counted: Counted
  #count = 1
  #turns = 0
  #milliseconds = 0
  #microseconds = 0

  constructor(subject: Race['contestant'], who: string) {
    this.#counted = new Counted(subject, who)
  }

  /** Finds how many operations make a turn, once the code is compiled. */
  async tune({ turn, warmUp, limit }: DiskPace): Promise<void> {
    const start = performance.now()
    const { sink } = this.#counted.subject
    const isWarm = (): boolean => sink.count >= warmUp || performance.now() - start >= limit
    this.#count = await tuned(this.#counted, turn)
    const times: number[] = []
    while (!isWarm()) times.push(await this.#counted.time(this.#count))
    // The last of them are the compiled ones.
    if (times.length > 0) this.#count = fitting(this.#count, [median(times.slice(-3))], turn)
  }

  async turn(): Promise<void> {
    const before = process.cpuUsage()
    this.#milliseconds += await this.#counted.time(this.#count)
    const { user, system } = process.cpuUsage(before)
    this.#microseconds += user + system
    this.#turns++
  }

  check(when: string): void {
    this.#counted.check(when)
  }

  /** Nanoseconds of one unit. */
  perUnit(): { readonly wall: number; readonly cpu: number } {
    const units = this.#turns * this.#count * (this.#counted.subject.units ?? 1)
    return { wall: (this.#milliseconds * 1e6) / units, cpu: (this.#microseconds * 1000) / units }
  }
}
