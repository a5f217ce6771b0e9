import type { Backlog } from '@tidings/bus/transport'
import { type ConformanceCase, defineCase } from '../case.ts'
import { pause } from '../expect.ts'
import { finish, giveBack } from '../member.ts'
import { idOf } from '../message.ts'

/** Who gets a message. */
export const groupCases: readonly ConformanceCase[] = [
  defineCase(
    'C21',
    'the members of a group share its messages: each goes to one, and no member is left out',
    {},
    async (scene) => {
      const count = scene.size(90, 900)
      const lines = await Promise.all([scene.connect(), scene.connect(), scene.connect()])
      const members = await Promise.all(
        lines.map((line) =>
          scene.join(line, { prefetch: 5 }, async (delivery) => {
            await pause(5)
            await finish(delivery)
          }),
        ),
      )
      const messages = scene.messages(count, (index) => ({ subject: `key-${index}` }))
      await scene.publish(await scene.connect(), messages)
      const all = (): string[] => members.flatMap(({ ids }) => ids)
      await scene.expect.eventually(
        () => new Set(all()).size >= count,
        `${count} messages arrive`,
        () => new Set(all()).size,
      )
      await scene.expect.never(
        () => all().length > count,
        'each arrives at one member',
        () => all().length,
      )
      const shares = members.map(({ ids }) => ids.length)
      scene.expect.that(
        shares.every((share) => share > 0),
        'every member gets some',
        shares,
      )
    },
  ),

  defineCase('C22', 'every group gets every message, and settles for itself', {}, async (scene) => {
    const count = scene.size(20, 200)
    const connection = await scene.connect()
    let toReturn = count
    const failing = await scene.join(connection, { group: scene.group('a') }, (delivery) =>
      toReturn-- > 0 ? giveBack(delivery) : finish(delivery),
    )
    const others = await Promise.all(['b', 'c'].map((name) => scene.join(connection, { group: scene.group(name) })))
    const messages = scene.messages(count)
    await scene.publish(await scene.connect(), messages)
    const wanted = messages.map(idOf)
    for (const member of [failing, ...others]) {
      await scene.expect.eventually(
        () => new Set(member.ids).size >= count,
        `each group gets ${count} messages`,
        () => [failing, ...others].map(({ ids }) => new Set(ids).size),
      )
    }
    await scene.expect.eventually(
      () => failing.ids.length >= 2 * count,
      'given back in one group, they come again',
      () => failing.ids.length,
    )
    await scene.expect.never(
      () => others.some(({ ids }) => ids.length > count),
      'what one group gives back does not reach the others',
      () => others.map(({ ids }) => ids.length),
    )
    for (const { ids } of others) scene.expect.sameItems(ids, wanted, 'the messages of a group')
  }),

  defineCase('C23', 'a new group begins with now, or with the oldest message that is kept', {}, async (scene) => {
    const connection = await scene.connect()
    // So that somebody wants the type at all: a queue keeps nothing for nobody.
    const first = await scene.join(connection, { group: scene.group('first') })
    const old = scene.messages(5)
    await scene.publish(connection, old)
    await scene.expect.eventually(
      () => first.ids.length >= 5,
      'the messages are there',
      () => first.ids,
    )
    const latest = await scene.join(connection, { group: scene.group('latest'), from: 'latest' })
    const { history } = scene.kit.about.capabilities
    const earliest = history && (await scene.join(connection, { group: scene.group('earliest'), from: 'earliest' }))
    const news = scene.message()
    await scene.publish(connection, [news])
    await scene.expect.eventually(
      () => latest.ids.includes(idOf(news)),
      'a new group gets what is new',
      () => latest.ids,
    )
    await scene.expect.never(
      () => latest.ids.length > 1,
      'a group from `latest` gets nothing old',
      () => latest.ids,
    )
    if (!earliest) return
    const wanted = [...old, news].map(idOf)
    await scene.expect.eventually(
      () => earliest.ids.length >= wanted.length,
      'a group from `earliest` gets all',
      () => earliest.ids,
    )
    scene.expect.sameItems(earliest.ids, wanted, 'the messages of a group from `earliest`')
  }),

  defineCase(
    'C24',
    'a pattern gets the event types that it matches, and no others',
    { needs: ['wildcards'] },
    async (scene) => {
      const connection = await scene.connect()
      const types = ['order.placed', 'order.shipped', 'order.line.added', 'payment.taken', 'orders'].map((name) =>
        scene.type(name),
      )
      const [placed, shipped, added, ,] = types
      const star = await scene.join(connection, { group: scene.group('star'), types: [scene.type('order.*')] })
      const double = await scene.join(connection, { group: scene.group('double'), types: [scene.type('order.**')] })
      const plain = await scene.join(connection, { group: scene.group('plain'), types: [scene.type('order')] })
      const both = await scene.join(connection, {
        group: scene.group('both'),
        types: [scene.type('order.*'), scene.type('order.placed')],
      })
      const messages = types.map((type) => scene.message({ type }))
      await scene.publish(connection, messages)
      const typesOf = ({ deliveries }: typeof star): string[] =>
        deliveries.map(({ message }) => String(message.attributes['type']))
      await scene.expect.eventually(
        () => star.ids.length >= 2 && double.ids.length >= 3 && both.ids.length >= 2,
        'the patterns get their types',
        () => [typesOf(star), typesOf(double), typesOf(both)],
      )
      await scene.expect.never(
        () => star.ids.length > 2 || double.ids.length > 3 || plain.ids.length > 0 || both.ids.length > 2,
        'the patterns get no others, and nothing twice',
        () => [star, double, plain, both].map(typesOf),
      )
      scene.expect.sameItems(typesOf(star), [placed, shipped], 'the types of `order.*`')
      scene.expect.sameItems(typesOf(double), [placed, shipped, added], 'the types of `order.**`')
    },
  ),

  defineCase('C25', 'a group gets its own types and what is sent to it alone, and nothing else', {}, async (scene) => {
    const connection = await scene.connect()
    const [mine, other, direct] = [scene.type('mine'), scene.type('other'), scene.type('direct')]
    const left = await scene.join(connection, { group: scene.group('left'), types: [mine] })
    const right = await scene.join(connection, { group: scene.group('right'), types: [other] })
    const quiet = await scene.join(connection, { group: scene.group('quiet'), types: [] })
    const [first, second, third, forth] = [
      scene.message({ type: mine }),
      scene.message({ type: other }),
      scene.message({ type: direct }),
      scene.message({ type: mine }),
    ]
    await scene.publish(connection, [first, second])
    // To a group that did not ask for the type, and to one although another one asked for it.
    await connection.publish({ message: third, group: scene.group('quiet') })
    await connection.publish({ message: forth, group: scene.group('right') })
    const all = (): string[][] => [left.ids, right.ids, quiet.ids]
    await scene.expect.eventually(() => all().flat().length >= 4, 'each arrives', all)
    await scene.expect.never(() => all().flat().length > 4, 'each arrives in one group', all)
    scene.expect.equal([left.ids, right.ids.length, quiet.ids], [[idOf(first)], 2, [idOf(third)]], 'who got what')
    scene.expect.sameItems(right.ids, [idOf(second), idOf(forth)], 'what the group got that was sent to alone')
  }),

  defineCase('C49', 'the messages that wait for a group are counted', { needs: ['waiting'] }, async (scene) => {
    const connection = await scene.connect()
    const member = await scene.join(connection)
    await scene.publish(connection, scene.messages(1))
    await scene.expect.eventually(
      () => member.ids.length === 1,
      'the group works',
      () => member.ids,
    )
    member.membership.pause()
    const since = Date.now()
    await scene.publish(connection, scene.messages(25))
    let backlog: Backlog | undefined
    await scene.expect.eventually(
      async () => (backlog = await member.membership.backlog())?.waiting === 25 - (member.ids.length - 1),
      'those that were handed to nobody are counted',
      () => ({ backlog, delivered: member.ids.length }),
    )
    // Its clock may be another one.
    const { oldest = since } = backlog!
    scene.expect.that(Math.abs(oldest - since) < 10_000, 'the oldest of them came a moment ago', { oldest, since })
    member.membership.resume()
    await scene.expect.eventually(
      async () => (backlog = await member.membership.backlog())?.waiting === 0 && member.ids.length === 26,
      'none waits when all are handed out',
      () => ({ backlog, delivered: member.ids.length }),
    )
    await scene.expect.eventually(
      async () => (backlog = await member.membership.backlog())?.oldest === undefined,
      'there is no oldest when all are settled',
      () => backlog,
    )
  }),
]
