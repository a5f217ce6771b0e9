import { runProcess, snapshotsIn } from '@tidings/store'
import type { Ground } from '../ground.ts'
import { fulfilment } from '../modules/fulfilment.ts'
import { shopOf } from '../shop.ts'
import type { Storyteller } from '../story/narrator.ts'
import { busOn, observing, tellingFailures } from '../story/premises.ts'
import type { Service } from './names.ts'
import { worldOf } from './world.ts'

/** One module of the shop at work, on the ground that it shares with the others. */
interface RunningService {
  /** Rejects with what ends it, where that is not `stop`. */
  readonly failed: Promise<never>
  /** What is being handled ends; what waits is for the next one. */
  stop(): Promise<void>
}

/** Starts a module alone: its handlers, or the process manager with what brings its events to the bus. */
export async function runService(
  name: Exclude<Service, 'desk'>,
  ground: Ground,
  narrator: Storyteller,
): Promise<RunningService> {
  const { modules } = shopOf(worldOf(ground.outside), ground.books)
  narrator.introduce(modules)
  const observer = observing({ published: 0, handled: 0, failed: 0, deadLetters: 0 }, new Map(), narrator)
  const bus = await busOn(ground, modules[name] ?? [], narrator, observer)
  if (name !== 'fulfilment') return { failed: new Promise(() => {}), stop: () => bus.close() }
  try {
    const { store } = ground.books
    const carrier = await ground.carryTo(bus)
    const process = await runProcess(store, narrator.telling(fulfilment), {
      snapshots: snapshotsIn(store),
      failed: tellingFailures(narrator),
    })
    return {
      failed: process.ended.then(() => new Promise<never>(() => {})),
      async stop() {
        await Promise.allSettled([process.stop(), carrier.stop()])
        await bus.close()
      },
    }
  } catch (error) {
    await bus.close()
    throw error
  }
}
