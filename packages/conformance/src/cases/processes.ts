import { type ConformanceCase, defineCase } from '../case.ts'
import { idOf } from '../message.ts'
import { type HandledEvent, workingOn } from '../work-deliveries.ts'

/** What holds between processes. */
export const processCases: readonly ConformanceCase[] = [
  defineCase(
    'C92',
    'two processes work on one group: each event once, and of each key one after the other, in order',
    { needs: ['remote', 'ordering', 'a working child process'], alone: true },
    async (scene) => {
      const { expect } = scene
      const keys = 24
      const count = scene.size(240, 2400)
      const request = {
        group: scene.group(),
        types: [scene.type()],
        prefetch: 10,
        ordered: true,
        from: 'latest',
        temporary: false,
        marks: false,
      } as const
      const here: HandledEvent[] = []
      const child = await expect.inTime(scene.kit.spawnWorker!(request), 'the child joins')
      await scene.join(
        await scene.connect(),
        request,
        workingOn((event) => here.push(event)),
      )
      const messages = scene.messages(count, (index) => ({ subject: `key-${index % keys}` }))
      await scene.publish(await scene.connect(), messages)
      const all = (): HandledEvent[] => [...here, ...child.handled]
      await expect.eventually(
        () => new Set(all().map(({ id }) => id)).size >= count,
        `${count} are handled`,
        () => all().length,
      )
      await expect.never(
        () => all().length > count,
        'each is handled once',
        () => all().length,
      )
      expect.that(child.handled.length > 0 && here.length > 0, 'no process is idle', [
        here.length,
        child.handled.length,
      ])
      for (let index = 0; index < keys; index++) {
        const key = `key-${index}`
        const wanted = messages.filter(({ attributes }) => attributes['subject'] === key).map(idOf)
        const got = all().filter((event) => event.key === key)
        const inOrder = got.toSorted((a, b) => wanted.indexOf(a.id) - wanted.indexOf(b.id))
        const overlapping = inOrder.filter((event, at) => at > 0 && event.began < inOrder[at - 1]!.ended)
        expect.equal(overlapping, [], `events of ${key} that began before the one before had ended`)
      }
      await child.kill()
    },
  ),

  defineCase(
    'C93',
    'a publisher that is killed at its confirms has lost nothing that was confirmed, and what is published again has one id',
    { needs: ['remote', 'copies', 'a publishing child process'], alone: true },
    async (scene) => {
      const { expect } = scene
      const connection = await scene.connect()
      const member = await scene.join(connection, { prefetch: 100 })
      const messages = scene.messages(400)
      const child = await expect.inTime(scene.kit.spawnPublisher!(messages), 'the child publishes')
      await expect.eventually(
        () => child.confirmed.length >= 60,
        'some are confirmed',
        () => child.confirmed.length,
      )
      await child.kill()
      const confirmed = new Set(child.confirmed)
      await scene.publish(
        connection,
        messages.filter((message) => !confirmed.has(idOf(message))),
      )
      const copies = (id: string): number => member.ids.filter((other) => other === id).length
      await expect.eventually(
        () => messages.every((message) => copies(idOf(message)) > 0),
        'every event is there',
        () => messages.filter((message) => copies(idOf(message)) === 0).map(idOf),
      )
      await expect.never(
        () => messages.some((message) => copies(idOf(message)) > (confirmed.has(idOf(message)) ? 1 : 2)),
        'once where it was confirmed, twice at most where it was published again',
        () => messages.map((message) => copies(idOf(message))),
      )
    },
  ),
]
