import { type Bus, handler, PermanentError } from '@tidings/bus'
import { type ConformanceCase, defineCase } from '../case.ts'
import { pause } from '../expect.ts'
import { numbersFrom } from '../numbers-from.ts'
import type { Scene } from '../scene.ts'
import { counted } from './bus-tools.ts'

/** Everything at once. */
export const soakCases: readonly ConformanceCase[] = [
  defineCase(
    'C45',
    'under mixed faults, what was confirmed is handled or parked',
    { needs: ['a store of dead letters'], alone: true },
    async (scene) => {
      const seed = Math.floor(Math.random() * 2 ** 32)
      try {
        await soak(scene, numbersFrom(seed))
      } catch (error) {
        throw scene.failure(`under mixed faults, with the seed ${seed}`, error)
      }
    },
  ),
]

async function soak(scene: Scene, random: () => number): Promise<void> {
  const Happened = counted(scene.type())
  const handled = new Set<string>()
  const retry = { attempts: 3, delay: '5ms', max: '20ms' } as const
  const work = (ordering: 'per-key' | 'none'): Parameters<typeof handler>[2] => {
    return (async ({ id }: { id: string }): Promise<void> => {
      await pause(random() * 3)
      if (random() < 0.1) throw new Error('a passing fault')
      if (random() < 0.02) throw new PermanentError('a lasting fault')
      handled.add(`${ordering} ${id}`)
    }) as never
  }
  const orderings =
    scene.kit.about.capabilities.ordering === 'none' ? (['none'] as const) : (['none', 'per-key'] as const)
  const usable = orderings.filter((ordering) => ordering === 'per-key' || scene.kit.about.capabilities.delay)
  const handlers = usable.map((ordering) =>
    handler(Happened, { group: ordering, ordering, concurrency: 5, retry }, work(ordering)),
  )
  const start = (): Promise<Bus> => scene.bus({ handlers })
  const publisher = await scene.bus()
  let workers = [await start(), await start()]

  const confirmed: string[] = []
  const end = Date.now() + scene.size(700, 5 * 60_000)
  let disturb = Date.now() + 100
  for (let number = 0; Date.now() < end; number++) {
    try {
      const event = await publisher.publish(
        Happened,
        { number, key: `key-${Math.floor(random() * 20)}` },
        { timeout: '5s' },
      )
      confirmed.push(event.id)
    } catch {
      // Not confirmed, so nothing is promised.
    }
    if (number % 10 === 0) await pause(random() * 10)
    if (Date.now() < disturb) continue
    disturb = Date.now() + scene.size(100, 3000) * (0.5 + random())
    workers = await disturbance(scene, random, workers, start)
  }
  const missing = async (): Promise<string[]> => {
    const parked = new Set<string>()
    for await (const { group, message } of publisher.deadLetters.list()) {
      const ordering = usable.find((ordering) => group.endsWith(ordering))
      if (ordering) parked.add(`${ordering} ${String(message.attributes['id'])}`)
    }
    return usable
      .flatMap((ordering) => confirmed.map((id) => `${ordering} ${id}`))
      .filter((copy) => !handled.has(copy) && !parked.has(copy))
  }
  let left = await missing()
  await scene.expect.eventually(
    async () => {
      if (left.length > 0) await pause(50)
      left = await missing()
      return left.length === 0
    },
    'everything confirmed is handled or parked',
    () => `${left.length} of ${confirmed.length} missing: ${left.slice(0, 5).join(', ')}`,
  )
  scene.expect.that(confirmed.length > 0, 'something was confirmed', confirmed.length)
}

async function disturbance(
  scene: Scene,
  random: () => number,
  workers: Bus[],
  start: () => Promise<Bus>,
): Promise<Bus[]> {
  const { network, broker } = scene.kit
  const { durable } = scene.kit.about.capabilities
  const faults = [
    // A worker goes with work in its hands, and another comes.
    async () => {
      const [first, ...others] = workers as [Bus, ...Bus[]]
      await Promise.all([first.close({ timeout: 1 }), start().then((bus) => others.push(bus))])
      return others
    },
    async () => {
      const [first, ...others] = workers as [Bus, ...Bus[]]
      await first.close()
      return [...others, await start()]
    },
    network &&
      (async () => {
        await network.cut()
        await pause(random() * 1000)
        await network.restore()
        return workers
      }),
    broker &&
      durable &&
      (async () => {
        await broker.kill()
        await broker.start()
        return workers
      }),
  ].filter((fault) => typeof fault === 'function')
  return faults[Math.floor(random() * faults.length)]!()
}
