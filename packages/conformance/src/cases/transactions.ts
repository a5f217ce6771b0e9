import { handler, type Message } from '@tidings/bus'
import type { Work } from '@tidings/bus/transport'
import { isTidingsError } from '@tidings/core'
import { isThenable } from '@tidings/core/tools'
import { type ConformanceCase, defineCase } from '../case.ts'
import { pause } from '../expect.ts'
import type { Member } from '../member.ts'
import { idOf } from '../message.ts'
import type { Scene } from '../scene.ts'
import { counted, lettersOf } from './bus-tools.ts'

/** What the application writes in the commits of the transport. */
export const transactionCases: readonly ConformanceCase[] = [
  defineCase(
    'C96',
    'what is written and published in one transaction is there together, in its order, or not at all, each undone alone',
    { needs: ['transactions', 'a table'] },
    async (scene) => {
      const { expect } = scene
      const { maxMessageSize } = scene.kit.about.capabilities
      const connection = await scene.connect()
      const member = await scene.join(connection, { prefetch: 100, ordered: true })
      const all = scene.messages(40, (index) => ({ subject: `key-${Math.floor(index / 2) % 3}` }))
      const broken = new Error('the row is refused')
      const outcomes = await expect.inTime(
        Promise.allSettled(
          Array.from({ length: 20 }, (_, at) => {
            const two = all.slice(2 * at, 2 * at + 2)
            const work = writing(scene, idOf(two[0]!), at % 4 === 1 ? broken : undefined)
            return connection.transact!(
              work,
              two.map((message) => ({ message })),
            )
          }),
        ),
        'every transact() ends',
      )
      for (const [at, outcome] of outcomes.entries()) {
        if (at % 4 !== 1) expect.equal(outcome.status, 'fulfilled', `transaction ${at}`)
        else
          expect.that(
            outcome.status === 'rejected' && outcome.reason === broken,
            'it rejects with what the work threw',
            outcome,
          )
      }
      const kept = all.filter((_, index) => Math.floor(index / 2) % 4 !== 1)
      await scene.delivered(member, kept.length, 'what was published arrives')
      await expect.never(
        () => member.ids.length > kept.length,
        'nothing of what was undone arrives',
        () => member.ids,
      )
      expect.sameItems(member.ids, kept.map(idOf), 'what arrived')
      for (const key of ['key-0', 'key-1', 'key-2']) {
        const ofKey = (message: Message): boolean => message.attributes['subject'] === key
        const arrived = member.deliveries.map(({ message }) => message).filter(ofKey)
        expect.equal(arrived.map(idOf), kept.filter(ofKey).map(idOf), `what arrived of ${key}, in its order`)
      }
      expect.sameItems(
        await rowsOf(scene, all),
        kept.filter((_, index) => index % 2 === 0).map(idOf),
        'the rows of those that were not undone',
      )

      const [alone, small, large] = scene.messages(3)
      await expect.inTime(
        connection.transact!(writing(scene, idOf(alone!)), []),
        'transact() that publishes nothing resolves',
      )
      await expect.inTime(
        connection.transact!(undefined, [{ message: small! }]),
        'transact() that writes nothing resolves',
      )
      await scene.delivered(member, kept.length + 1)
      expect.equal(await rowsOf(scene, [alone!]), [idOf(alone!)], 'the row of the one that publishes nothing')
      if (maxMessageSize < Infinity) {
        const body = new Uint8Array(maxMessageSize + 1)
        const outgoing = [{ message: scene.message() }, { message: { ...large!, body } }]
        const error = await expect.rejection(connection.transact!(writing(scene, idOf(large!)), outgoing), 'it rejects')
        expect.that(isTidingsError(error, 'MESSAGE_TOO_LARGE'), 'it rejects with MESSAGE_TOO_LARGE', error)
        expect.equal(await rowsOf(scene, [large!]), [], 'the rows of one that publishes too much')
      }

      let later: unknown
      await expect.inTime(
        connection.transact!((transaction) => void (later = transaction), []),
        'transact() resolves',
      )
      const late = scene.message()
      const writtenLate = async (): Promise<void> => scene.kit.table!.write(later as never, idOf(late))
      await expect.rejection(writtenLate(), 'a write rejects when its work has returned')
      expect.equal(await rowsOf(scene, [late]), [], 'the rows of one that wrote too late')
    },
  ),

  defineCase(
    'C97',
    'a transaction that is cut by a crash, at whatever moment, is there as a whole or not at all',
    { needs: ['transactions', 'a table'], alone: true },
    async (scene) => {
      const watcher = await scene.join(await scene.connect(), { prefetch: 100 })
      const all: Message[] = []
      const confirmed = new Set<string>()
      for (const time of [undefined, 0, 1, 2, 4, 8]) {
        const line = await scene.connect()
        const messages = scene.messages(20)
        all.push(...messages)
        const transacting = messages.map(async (message) => {
          await line.transact!(writing(scene, idOf(message)), [{ message }])
          confirmed.add(idOf(message))
        })
        const ended = Promise.allSettled(transacting)
        if (time !== undefined) await pause(time)
        await scene.expect.inTime(line.close(), 'close() resolves')
        await scene.expect.inTime(ended, 'every transact() ends with its connection')
      }
      await isWhole(scene, watcher, all, confirmed)
    },
  ),

  defineCase(
    'C98',
    'a process that is killed amid its transactions has lost nothing that was confirmed, and left none half done',
    { needs: ['transactions', 'a table', 'a transacting child process'], alone: true },
    async (scene) => {
      const { expect } = scene
      const watcher = await scene.join(await scene.connect(), { prefetch: 100 })
      const messages = scene.messages(400)
      const child = await expect.inTime(scene.kit.spawnTransactor!(messages), 'the child writes and publishes')
      await expect.eventually(
        () => child.confirmed.length >= 30,
        'some are confirmed',
        () => child.confirmed.length,
      )
      await child.kill()
      await isWhole(scene, watcher, messages, new Set(child.confirmed))
    },
  ),

  defineCase(
    'C99',
    'what a handler writes is there with the settlement of its event, once, and one that throws is undone alone',
    { needs: ['transactions', 'a table', 'inbox', 'copies', 'a store of dead letters'] },
    async (scene) => {
      const { expect } = scene
      const { transaction } = scene.kit.table!
      const [Happened, Followed] = [counted(scene.type()), counted(scene.type('effect'))]
      const followed: number[] = []
      const policy = { group: 'writes', idempotent: true, retry: { attempts: 2, delay: 10, jitter: false } } as const
      const bus = await scene.bus({
        handlers: [
          handler(Happened, { ...policy, transaction }, async ({ id, data }, context) => {
            await context.publish(Followed, data)
            // The second attempt of some, and no attempt of others, gets through.
            const refused = data.number % 5 === 4 || (data.number % 5 === 3 && context.attempt === 1)
            context.transaction(writing(scene, id, refused ? new Error('the row is refused') : undefined) as never)
          }),
          handler(Followed, { group: 'follows' }, ({ data }) => void followed.push(data.number)),
        ],
      })
      const events = Array.from({ length: 20 }, (_, number) =>
        Happened.create({ number, key: `key-${number}` }, { source: scene.source() }),
      )
      // Each twice.
      await expect.inTime(Promise.all([...events, ...events].map((event) => bus.publish(event))), 'publish() resolves')
      const kept = events.filter((_, number) => number % 5 !== 4)
      await expect.eventually(
        async () => followed.length >= kept.length && (await lettersOf(bus)).length >= 4,
        'all are handled or parked',
        () => followed,
      )
      await expect.never(
        () => followed.length > kept.length,
        'each effect is there once',
        () => followed,
      )
      expect.sameItems(
        followed,
        kept.map(({ data }) => data.number),
        'the effects',
      )
      const rows = await scene.kit.table!.rows()
      expect.sameItems(
        events.map(({ id }) => id).filter((id) => rows.includes(id)),
        kept.map(({ id }) => id),
        'the rows',
      )
    },
  ),
]

/** A work that writes a row, and throws then where it is to fail. */
function writing({ kit }: Scene, row: string, failure?: Error): Work {
  const table = kit.table!
  const fail = (): void => {
    if (failure !== undefined) throw failure
  }
  return (transaction) => {
    const written = table.write(transaction, row)
    return isThenable(written) ? Promise.resolve(written).then(fail) : fail()
  }
}

/** Which of these messages have a row, by their ids, in their order. */
async function rowsOf({ kit }: Scene, messages: readonly Message[]): Promise<string[]> {
  const rows = new Set(await kit.table!.rows())
  return messages.map(idOf).filter((id) => rows.has(id))
}

/** Fails unless each transaction of a row and a message has both or neither, and both where it was confirmed. */
async function isWhole(
  scene: Scene,
  watcher: Member,
  messages: readonly Message[],
  confirmed: ReadonlySet<string>,
): Promise<void> {
  const { expect } = scene
  const rows = await rowsOf(scene, messages)
  expect.equal(
    [...confirmed].filter((id) => !rows.includes(id)),
    [],
    'what was confirmed and has no row',
  )
  expect.that(rows.length > 0, 'some transactions are done', rows.length)
  await expect.eventually(
    () => watcher.ids.length >= rows.length,
    'what has a row arrives',
    () => rows.filter((id) => !watcher.ids.includes(id)),
  )
  await expect.never(
    () => watcher.ids.length > rows.length,
    'what has no row does not arrive',
    () => watcher.ids.filter((id) => !rows.includes(id)),
  )
  expect.sameItems(watcher.ids, rows, 'what arrived, and what has a row')
}
