import type { Message } from '@tidings/bus'
import { type Delivery, handled, type Settlement } from '@tidings/bus/transport'
import { type ConformanceCase, defineCase } from '../case.ts'
import { pause } from '../expect.ts'
import { hold } from '../member.ts'
import { idOf } from '../message.ts'
import type { Line, Scene } from '../scene.ts'
import { deadLettered } from './dead-lettered.ts'

/** Members, publishers and brokers that die in the middle of what they do. */
export const crashCases: readonly ConformanceCase[] = [
  defineCase(
    'C84',
    'what a publisher that lost its confirm publishes again is there under one id, twice at most',
    { needs: ['network', 'copies'] },
    async (scene) => {
      const { expect } = scene
      const [publisher, member] = [await scene.connect(), await scene.join(await scene.connect(), { prefetch: 100 })]
      const messages = scene.messages(60)
      const publish = async (message: Message): Promise<boolean> => {
        try {
          await publisher.publish({ message }, { signal: AbortSignal.timeout(scene.kit.within) })
          return true
        } catch {
          return false
        }
      }
      const outcomes: Promise<boolean>[] = []
      for (const [index, message] of messages.entries()) {
        outcomes.push(publish(message))
        // Some are confirmed, some under way, and some come when the network is gone.
        if (index % 5 === 0) await pause(2)
        if (index === 42) await scene.kit.network!.cut()
      }
      await scene.kit.network!.restore()
      const confirmed = await expect.inTime(Promise.all(outcomes), 'every publish() ends', 2 * scene.kit.within)
      const copies = (message: Message): number => member.ids.filter((id) => id === idOf(message)).length
      await expect.eventually(
        () => messages.every((message, index) => !confirmed[index] || copies(message) > 0),
        'what was confirmed arrives',
        () => member.ids.length,
      )
      const again = messages.filter((_, index) => !confirmed[index])
      await scene.publish(publisher, again)
      await expect.eventually(
        () => messages.every((message) => copies(message) > 0),
        'all are there in the end',
        () => messages.map(copies),
      )
      // The member lost its connection too: what it held comes again, which is no second copy.
      if (!scene.kit.about.capabilities.redeliveries) return
      const published = (): number[] =>
        messages.map((message) => {
          const same = ({ message: other }: Delivery): boolean => idOf(other) === idOf(message)
          return member.deliveries.filter((delivery) => same(delivery) && delivery.redeliveries === 0).length
        })
      await expect.never(
        () => published().some((count, index) => count > (confirmed[index] ? 1 : 2)),
        'once where it was confirmed, twice at most where it was published again',
        published,
      )
    },
  ),

  defineCase(
    'C85',
    'a group and its types outlive a broker that is killed while nobody is in it',
    { needs: ['durable', 'broker'] },
    async (scene) => {
      const line = await scene.connect()
      await scene.join(line)
      await scene.expect.inTime(line.close(), 'close() resolves')
      await restart(scene)
      const publisher = await scene.connect()
      const messages = scene.messages(5)
      await scene.publish(publisher, messages)
      const member = await scene.join(publisher)
      await scene.delivered(member, 5, 'what was published for it meanwhile arrives')
      scene.expect.sameItems(member.ids, messages.map(idOf), 'what arrived')
    },
  ),

  defineCase(
    'C86',
    'a delayed message outlives a broker that is killed, and is not early',
    { needs: ['delay', 'durable', 'broker'] },
    async (scene) => {
      const line = await scene.connect()
      await scene.join(line)
      const notBefore = Date.now() + Math.max(700, 5 * scene.kit.quiet)
      const message = scene.message()
      await scene.expect.inTime(Promise.resolve(line.publish({ message, notBefore })), 'publish() resolves')
      await scene.expect.inTime(line.close(), 'close() resolves')
      await restart(scene)
      const member = await scene.join(await scene.connect())
      await scene.delivered(member, 1, 'the delayed message arrives')
      const early = notBefore - Date.now()
      scene.expect.that(early <= 0, 'it does not come early', `${early}ms too early`)
      scene.expect.equal(member.ids, [idOf(message)], 'what arrived')
    },
  ),

  defineCase(
    'C87',
    'a dead letter outlives a broker that is killed right after it was settled',
    { needs: ['a store of dead letters', 'durable', 'broker'] },
    async (scene) => {
      const line = await scene.connect()
      const member = await scene.join(line, {}, hold)
      await scene.publish(line, [scene.message({ subject: 'key' })])
      const delivery = await scene.delivered(member, 1)
      await scene.settle(delivery, deadLettered(scene.group(), delivery))
      await restart(scene)
      const after = await scene.connect()
      const letters = await after.deadLetters!.list({ group: scene.group(), limit: 10 })
      scene.expect.equal(
        letters.map(({ id }) => id),
        [idOf(delivery.message)],
        'the letters of the group',
      )
      const heir = await scene.join(after)
      await scene.expect.never(
        () => heir.ids.length > 0,
        'its message does not come again',
        () => heir.ids,
      )
    },
  ),

  defineCase(
    'C88',
    'a new group whose only member dies before it settles anything has lost nothing',
    {},
    async (scene) => {
      const line = await scene.connect()
      const member = await scene.join(line, { prefetch: 3 }, hold)
      const publisher = await scene.connect()
      const messages = scene.messages(8)
      await scene.publish(publisher, messages.slice(0, 5))
      await scene.delivered(member, 1, 'its member holds something')
      await scene.expect.inTime(line.close(), 'close() resolves')
      await scene.publish(publisher, messages.slice(5))
      const heir = await scene.join(await scene.connect())
      await scene.expect.eventually(
        () => messages.every((message) => heir.ids.includes(idOf(message))),
        'a later member gets all of it',
        () => heir.ids,
      )
    },
  ),

  defineCase(
    'C89',
    'a settlement that is cut by a crash, at whatever step, loses neither its message nor an effect of it',
    { alone: true },
    async (scene) => {
      const { expect } = scene
      const watcher = await scene.connect()
      const type = scene.type('effect')
      const effects = await scene.join(watcher, { group: scene.group('effects'), types: [type], prefetch: 100 })
      const { deadLetters, atomic } = scene.kit.about.capabilities
      const keepsLetters = deadLetters === 'store'
      // How long it is under way when it is cut: each transport has other steps in these times.
      for (const time of [undefined, 0, 1, 2, 4, 8, 15, 30]) {
        const name = `after-${time ?? 'nothing'}`
        const request = { group: scene.group(name), types: [scene.type(name)], prefetch: 2 }
        const line = await scene.connect()
        const member = await scene.join(line, request, hold)
        await scene.publish(
          watcher,
          scene.messages(keepsLetters ? 2 : 1, () => ({ type: scene.type(name) })),
        )
        await scene.delivered(member, keepsLetters ? 2 : 1)
        const settlements = member.deliveries.map((delivery, index): Settlement => {
          // An effect keeps its id, whatever attempt sends it.
          const effects = scene
            .messages(3, (number) => ({ type, id: `${idOf(delivery.message)}-${number}` }))
            .map((message) => ({ message }))
          return index === 0 ? { ...handled, effects } : { ...deadLettered(request.group, delivery), effects }
        })
        const settling = member.deliveries.map(async (delivery, index) => delivery.settle(settlements[index]!))
        const ended = Promise.allSettled(settling)
        if (time !== undefined) await pause(time)
        await crash(scene, line)
        await expect.inTime(ended, 'settling ends with its connection')
        await scene.join(await scene.connect(), request, (delivery) =>
          delivery.settle(settlements[member.ids.indexOf(idOf(delivery.message))]!),
        )
        const missing = (): string[] =>
          member.ids.flatMap((id) => [0, 1, 2].map((at) => `${id}-${at}`)).filter((id) => !effects.ids.includes(id))
        await expect.eventually(
          () => missing().length === 0,
          `every effect is there when a settlement was cut ${name}`,
          missing,
        )
        if (!keepsLetters) continue
        const letters = async (): Promise<string[]> =>
          (await watcher.deadLetters!.list({ group: request.group, limit: 10 })).map(({ id }) => id)
        await expect.eventually(
          async () => (await letters()).length > 0,
          `the letter is there when a settlement was cut ${name}`,
          () => member.ids,
        )
        expect.equal(await letters(), [member.ids[1]], 'the letters')
      }
      if (!atomic) return
      // A watcher that lost its connection may be handed one again; two copies would be two messages.
      const sent = effects.deliveries.filter(({ redeliveries }) => !redeliveries).map(({ message }) => idOf(message))
      const twice = sent.filter((id, at) => sent.indexOf(id) !== at)
      expect.equal(twice, [], 'effects that are there twice, where a settlement is one step')
    },
  ),
]

/** Ends a member in the middle of its work, as hard as the kit can. */
async function crash({ expect, kit }: Scene, line: Line): Promise<void> {
  if (kit.network !== undefined) {
    await kit.network.cut()
    await kit.network.restore()
  }
  await expect.inTime(line.close(), 'close() resolves')
}

async function restart({ kit }: Scene): Promise<void> {
  await kit.broker!.kill()
  await kit.broker!.start()
}
