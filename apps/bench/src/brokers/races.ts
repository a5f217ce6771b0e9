import { inFlight } from '../run/orders.ts'
import type { Race, Subject } from '../run/subject.ts'
import type { BrokerClient } from './client.ts'

interface Contender {
  readonly subject: Subject
  readonly close: () => Promise<void>
}

/** Orders that wait before a race begins: more than the warm-up and all turns take. */
const backlog = 150_000

/** Both publish, with so many callers, each of whom waits for its own confirm. */
export async function publishRace(contestant: BrokerClient, yardstick: BrokerClient, callers: number): Promise<Race> {
  return raceOf(await publishing(contestant, callers), await publishing(yardstick, callers))
}

/** Both consume what waits, with so many deliveries unsettled at most. */
export async function consumeRace(
  contestant: BrokerClient,
  yardstick: BrokerClient,
  prefetch: number,
  waiting: number = backlog,
): Promise<Race> {
  return raceOf(await consuming(contestant, prefetch, waiting), await consuming(yardstick, prefetch, waiting))
}

function raceOf(contestant: Contender, yardstick: Contender): Race {
  return {
    contestant: contestant.subject,
    yardstick: yardstick.subject,
    close: async () => {
      await contestant.close()
      await yardstick.close()
    },
  }
}

async function publishing(client: BrokerClient, callers: number): Promise<Contender> {
  const publisher = await client.publisher()
  const sink = { count: 0 }
  return {
    subject: {
      sink,
      run: async (count) => {
        const from = sink.count
        await inFlight(callers, count * callers, async (at) => {
          await publisher.publish(from + at)
          sink.count++
        })
      },
      deliveries: (count) => count * callers,
      units: callers,
    },
    close: async () => {
      const kept = await publisher.kept()
      await publisher.close()
      if (kept !== sink.count) throw new Error(`the broker has kept ${kept} events, ${sink.count} were confirmed`)
    },
  }
}

async function consuming(client: BrokerClient, prefetch: number, waiting: number): Promise<Contender> {
  const turnstile = new Turnstile()
  const consumer = await client.consumer({ prefetch, waiting, handle: () => turnstile.pass() })
  return {
    subject: {
      sink: turnstile,
      run: (count) => {
        if (turnstile.count + count * prefetch > waiting) throw new Error(`more than ${waiting} events were asked for`)
        return turnstile.letIn(count * prefetch)
      },
      deliveries: (count) => count * prefetch,
      units: prefetch,
    },
    close: () => consumer.close(),
  }
}

/** Lets as many through as a turn of the race has; the next ones wait in their handlers until it is their turn. */
class Turnstile {
  /** Those who have passed. */
  count = 0
  #allowed = 0
  #passed: (() => void) | undefined
  readonly #waiting: (() => void)[] = []

  /** Resolves when so many more have passed. */
  letIn(count: number): Promise<void> {
    this.#allowed += count
    return new Promise((resolve) => {
      this.#passed = resolve
      for (const enter of this.#waiting.splice(0, count)) enter()
    })
  }

  pass(): void | Promise<void> {
    if (this.count < this.#allowed) return this.#pass()
    return new Promise<void>((resolve) => this.#waiting.push(resolve)).then(() => this.#pass())
  }

  #pass(): void {
    this.count++
    if (this.count === this.#allowed) this.#passed?.()
  }
}
