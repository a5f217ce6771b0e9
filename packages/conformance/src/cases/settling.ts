import { type ConformanceCase, defineCase } from '../case.ts'
import { finish, giveBack, Holder, hold } from '../member.ts'
import { idOf } from '../message.ts'

/** What becomes of a message once it was handed out. */
export const settlingCases: readonly ConformanceCase[] = [
  defineCase(
    'C08',
    'what a killed consumer held reaches another member; nothing is lost',
    { needs: ['remote', 'a child process'], alone: true },
    async (scene) => {
      const request = {
        group: scene.group(),
        types: [scene.type()],
        prefetch: 10,
        ordered: false,
        from: 'latest',
        temporary: false,
        marks: false,
      } as const
      const child = await scene.expect.inTime(scene.kit.spawnConsumer!(request), 'the child consumes')
      const connection = await scene.connect()
      const messages = scene.messages(20)
      await scene.publish(connection, messages)
      await scene.expect.eventually(
        () => child.received.length > 0,
        'the child holds messages',
        () => child.received,
      )
      await child.kill()
      const member = await scene.join(connection)
      const wanted = messages.map(idOf)
      await scene.expect.eventually(
        () => wanted.every((id) => member.ids.includes(id)),
        'every message reaches the other member',
        () => wanted.filter((id) => !member.ids.includes(id)),
      )
    },
  ),

  defineCase('C09', 'what was acknowledged never comes again', { alone: true }, async (scene) => {
    const first = await scene.connect()
    const member = await scene.join(first)
    const messages = scene.messages(20)
    await scene.publish(first, messages)
    await scene.expect.eventually(
      () => member.ids.length >= 20,
      '20 messages arrive',
      () => member.ids,
    )
    await scene.expect.inTime(first.close(), 'close() resolves')
    const { durable } = scene.kit.about.capabilities
    if (durable && scene.kit.broker !== undefined) {
      await scene.kit.broker.kill()
      await scene.kit.broker.start()
    }
    const second = await scene.connect()
    const again = await scene.join(second)
    await scene.expect.never(
      () => again.ids.length > 0,
      'nothing is delivered again',
      () => again.ids,
    )
    // Otherwise a group that gets nothing at all would pass.
    const probe = scene.message()
    await scene.publish(second, [probe])
    await scene.expect.eventually(
      () => again.ids.length > 0,
      'a new message arrives',
      () => again.ids,
    )
    scene.expect.equal(again.ids, [idOf(probe)], 'only the new message arrives')
  }),

  defineCase('C10', 'what is given back is delivered again', {}, async (scene) => {
    const connection = await scene.connect()
    const seen: string[] = []
    let returned = 0
    const member = await scene.join(connection, {}, async (delivery) => {
      const id = idOf(delivery.message)
      if (id === idOf(messages[0]!) && returned++ < 2) {
        const settled = giveBack(delivery)
        // Settled already, so this must change nothing.
        await finish(delivery)
        await settled
        return
      }
      seen.push(id)
      const settled = finish(delivery)
      await giveBack(delivery)
      await settled
    })
    const messages = scene.messages(3)
    await scene.publish(connection, messages)
    await scene.expect.eventually(
      () => seen.length >= 3,
      'all three are handled in the end',
      () => member.ids,
    )
    await scene.expect.never(
      () => member.ids.length > 5,
      'what was acknowledged does not come again',
      () => member.ids,
    )
    scene.expect.sameItems(seen, messages.map(idOf), 'what was handled')
    const counts = member.deliveries
      .filter(({ message }) => idOf(message) === idOf(messages[0]!))
      .map(({ redeliveries }) => redeliveries)
    scene.expect.equal(counts.length, 3, 'deliveries of a message that was given back twice')
    if (scene.kit.about.capabilities.redeliveries) scene.expect.equal(counts, [0, 1, 2], 'redeliveries of it')

    // Its member goes with the first of them, when all that came behind it is settled.
    const request = { group: scene.group('held'), prefetch: 20 }
    const holder = await scene.connect()
    let settled = 0
    await scene.join(holder, request, async (delivery) => {
      if (idOf(delivery.message) === first) return
      await finish(delivery)
      settled++
    })
    const behind = scene.messages(10, () => ({ subject: 'one' }))
    const first = idOf(behind[0]!)
    await scene.publish(connection, behind)
    await scene.expect.eventually(
      () => settled >= 9,
      'all but the first are settled',
      () => settled,
    )
    await scene.expect.inTime(holder.close(), 'close() resolves')
    const heir = await scene.join(connection, request)
    await scene.expect.eventually(
      () => heir.ids.includes(first),
      'what was held comes again, although what came behind it is settled',
      () => heir.ids,
    )
  }),

  defineCase(
    'C58',
    'what a member of an ordered group gives back when it has stopped keeps its place',
    { needs: ['ordering by key'] },
    async (scene) => {
      const first = await scene.connect()
      const holder = new Holder()
      const request = { ordered: true, prefetch: 3 }
      const member = await scene.join(first, request, holder.react)
      const messages = scene.messages(8, (index) => ({ subject: `key-${index % 2}` }))
      await scene.publish(first, messages)
      await scene.expect.eventually(
        () => holder.unsettled.length >= 2,
        'it holds both keys',
        () => member.ids,
      )
      const other = await scene.join(await scene.connect(), request)
      await scene.expect.inTime(member.membership.stop(), 'stop() resolves')
      await scene.expect.never(
        () => other.ids.length > 0,
        'nobody overtakes what is held',
        () => other.ids,
      )
      // The first message of one key is done; all else goes back, oldest first.
      const [done, ...rest] = holder.unsettled.splice(0)
      await Promise.all([finish(done!), ...rest.map(giveBack)])
      const left = messages.map(idOf).filter((id) => id !== idOf(done!.message))
      await scene.expect.eventually(
        () => other.ids.length >= left.length,
        'another member gets the rest',
        () => other.ids,
      )
      for (const key of ['key-0', 'key-1']) {
        const wanted = messages.filter(({ attributes }) => attributes['subject'] === key).map(idOf)
        const got = other.ids.filter((id) => wanted.includes(id))
        scene.expect.equal(
          got,
          wanted.filter((id) => left.includes(id)),
          `the order of ${key}`,
        )
      }
      scene.expect.equal(other.ids.length, left.length, 'deliveries to the other member')
    },
  ),

  defineCase(
    'C12',
    'how often a message was handed out is counted across members and connections',
    { needs: ['redeliveries'] },
    async (scene) => {
      const first = await scene.connect()
      let left = 2
      const member = await scene.join(first, {}, (delivery) => (left-- > 0 ? giveBack(delivery) : undefined))
      await scene.publish(first, [scene.message({ subject: 'one' })])
      await scene.expect.eventually(
        () => member.deliveries.length >= 3,
        'it comes three times',
        () => member.ids,
      )
      await scene.expect.inTime(first.close(), 'close() resolves')
      const second = await scene.connect()
      const other = await scene.join(second)
      await scene.expect.eventually(
        () => other.deliveries.length >= 1,
        'another member gets it',
        () => other.ids,
      )
      const counts = [...member.deliveries, ...other.deliveries].map(({ redeliveries }) => redeliveries)
      scene.expect.equal(counts, [0, 1, 2, 3], 'redeliveries')
    },
  ),

  defineCase(
    'C11',
    'a delayed message waits its time, and nobody waits behind it',
    { needs: ['delay'] },
    async (scene) => {
      const connection = await scene.connect()
      const delay = scene.size(700, 2000)
      const came = new Map<string, number>()
      const member = await scene.join(connection, {}, (delivery) => {
        came.set(idOf(delivery.message), Date.now())
        return finish(delivery)
      })
      const [late, prompt] = [scene.message({ subject: 'one' }), scene.message({ subject: 'one' })]
      const notBefore = Date.now() + delay
      await connection.publish({ message: late, notBefore })
      await connection.publish({ message: prompt })
      await scene.expect.eventually(
        () => came.has(idOf(prompt)),
        'the message behind it arrives',
        () => member.ids,
      )
      scene.expect.that(
        came.get(idOf(prompt))! < notBefore,
        'the message behind it does not wait for it',
        `${came.get(idOf(prompt))! - notBefore}ms after the delay`,
      )
      await scene.expect.eventually(
        () => came.has(idOf(late)),
        'the delayed message arrives',
        () => member.ids,
      )
      const early = notBefore - came.get(idOf(late))!
      scene.expect.that(early <= 0, 'the delayed message does not come early', `${early}ms too early`)
      scene.expect.equal(member.ids.length, 2, 'deliveries')
    },
  ),

  defineCase('C46', 'a delayed message can be taken back, once', { needs: ['delay', 'cancel'] }, async (scene) => {
    const connection = await scene.connect()
    const member = await scene.join(connection)
    const [kept, taken] = [scene.message(), scene.message()]
    const notBefore = Date.now() + 600
    await connection.publish({ message: kept, notBefore })
    await connection.publish({ message: taken, notBefore })
    scene.expect.that(connection.cancel !== undefined, 'a transport with `cancel` has the method', 'no cancel()')
    scene.expect.equal(await connection.cancel?.(idOf(taken)), true, 'cancel() of a delayed message')
    scene.expect.equal(await connection.cancel?.(idOf(taken)), false, 'cancel() of one that is taken back')
    await scene.expect.eventually(
      () => member.ids.length > 0,
      'the other one arrives',
      () => member.ids,
    )
    await scene.expect.never(
      () => member.ids.length > 1,
      'the one that was taken back does not arrive',
      () => member.ids,
    )
    scene.expect.equal(member.ids, [idOf(kept)], 'what arrived')
    scene.expect.equal(await connection.cancel?.(idOf(kept)), false, 'cancel() of one that was delivered')
  }),

  defineCase('C27', 'a delivery that is held for long is not handed out a second time', {}, async (scene) => {
    const { maxHold } = scene.kit.about.capabilities
    const time = Math.min(scene.kit.slow, maxHold / 2)
    const connection = await scene.connect()
    const holder = new Holder()
    const member = await scene.join(connection, {}, holder.react)
    const other = await scene.join(connection, {}, hold)
    await scene.publish(connection, [scene.message()])
    const all = (): string[] => [...member.ids, ...other.ids]
    await scene.expect.eventually(() => all().length > 0, 'the message arrives', all)
    await scene.expect.never(() => all().length > 1, `it comes once while it is held for ${time}ms`, all, time)
    const [delivery] = [...member.deliveries, ...other.deliveries]
    scene.expect.equal(delivery?.lost.aborted, false, 'whether the delivery is lost')
    await finish(delivery!)
    await scene.expect.never(() => all().length > 1, 'it does not come again once it is acknowledged', all)
  }),
]
