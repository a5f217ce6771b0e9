import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { extname, join } from 'node:path'
import { type Durability, scratch } from './files.ts'
import { inFlight, orderAt, orderPlaced, sumOf } from '../run/orders.ts'

/** How a process handles. */
export interface Consuming {
  readonly file: string
  readonly durability: Durability
  /** Milliseconds of CPU time that a handler takes. */
  readonly work: number
}

/** What a process has handled so far. */
export interface Consumed {
  handled: number
  sum: number
}

/** Long enough for processes that have joined a group to part its keys. */
const settling = 1000

/** Events a second that so many processes handle of one group, whose events lie ready when they are let go. */
export async function consumedPerSecond(
  processes: number,
  events: number,
  { durability, work }: Pick<Consuming, 'durability' | 'work'>,
): Promise<number> {
  const files = scratch()
  const file = files.file('contestant.db')
  const consumers: ChildProcess[] = []
  try {
    for (let at = 0; at < processes; at++) consumers.push(await start({ file, durability, work }))
    await new Promise((resolve) => setTimeout(resolve, settling))
    await publish(file, durability, events)
    const began = performance.now()
    await handled(consumers, events)
    const seconds = (performance.now() - began) / 1000
    for (const consumer of consumers) {
      consumer.send('end')
      const [code] = (await once(consumer, 'exit')) as [unknown]
      if (code !== 0) throw new Error(`a consumer ended with ${String(code)}`)
    }
    return events / seconds
  } finally {
    for (const consumer of consumers) consumer.kill('SIGKILL')
    files.remove()
  }
}

async function start(consuming: Consuming): Promise<ChildProcess> {
  const main = join(import.meta.dirname, `../main${extname(import.meta.filename)}`)
  const consumer = fork(main, ['consume', JSON.stringify(consuming)])
  const [message] = (await once(consumer, 'message')) as [unknown]
  if (message !== 'ready') throw new Error('a consumer did not get ready')
  return consumer
}

async function publish(file: string, durability: Durability, events: number): Promise<void> {
  const { createBus } = await import('@tidings/bus')
  const { sqlite } = await import('@tidings/sqlite')
  const definition = await orderPlaced()
  const bus = await createBus({ source: '/bench', transport: sqlite({ file, synchronous: durability }), log: false })
  await inFlight(1000, events, (at) => bus.publish(definition, orderAt(at)))
  await bus.close()
}

/** Lets them go and resolves when all is handled; rejects where something is handled twice, or a process ends. */
function handled(consumers: readonly ChildProcess[], events: number): Promise<void> {
  const latest = new Map<ChildProcess, Consumed>()
  return new Promise((resolve, reject) => {
    for (const consumer of consumers) {
      consumer.once('exit', (code) => reject(new Error(`a consumer ended with ${code}`)))
      consumer.on('message', (message) => {
        if (message === 'ready') return
        latest.set(consumer, message as Consumed)
        const total = [...latest.values()].reduce((all, each) => {
          return { handled: all.handled + each.handled, sum: all.sum + each.sum }
        })
        if (total.handled < events) return
        if (total.handled === events && total.sum === sumOf(events)) resolve()
        else reject(new Error(`${total.handled} orders of ${total.sum} were handled, expected ${events}`))
      })
      consumer.send('go')
    }
  })
}
