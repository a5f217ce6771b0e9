import {
  type DeadLetter,
  DeadLettersFullError,
  handler,
  type Message,
  type Middleware,
  PermanentError,
  SettlementRefusedError,
} from '@tidings/bus'
import { encodeEvent } from '@tidings/events'
import { type ConformanceCase, defineCase } from '../case.ts'
import { altered } from '../altered.ts'
import { bytesOf, essence } from '../message.ts'
import { over } from '@tidings/core/tools'
import { counted, letterCount, lettersOf, wholeGroup } from './bus-tools.ts'

const deadLetters = { needs: ['a store of dead letters'] } as const

/** What becomes of an event that cannot be handled. */
export const deadLetterCases: readonly ConformanceCase[] = [
  defineCase(
    'C13',
    'after its last attempt an event is one dead letter, with its bytes and the reason',
    deadLetters,
    async (scene) => {
      const Happened = counted(scene.type())
      const attempts: number[] = []
      const failing = handler(
        Happened,
        { group: 'failing', retry: { attempts: 3, delay: '20ms', jitter: false } },
        (_event, { attempt }) => {
          attempts.push(attempt)
          throw new TypeError('no such customer')
        },
      )
      const begin = Date.now()
      const bus = await scene.bus({ handlers: [failing] })
      const event = await bus.publish(Happened, { number: 1 }, { subject: 'one', extensions: { tenantid: 'acme' } })
      await scene.expect.eventually(
        async () => (await letterCount(bus)) > 0,
        'there is a dead letter',
        () => ({ attempts }),
      )
      await scene.expect.never(
        () => attempts.length > 3,
        'it is tried no more',
        () => attempts,
      )
      scene.expect.equal(attempts, [1, 2, 3], 'the attempts that the handler was told')
      const letters = await lettersOf(bus)
      scene.expect.equal(letters.length, 1, 'dead letters')
      const [letter] = letters as [DeadLetter]
      scene.expect.equal(
        essence(letter.message),
        essence({ ...encodeEvent(event), headers: {} }),
        'the event in the letter',
      )
      const { reason, error, group } = letter
      scene.expect.equal(
        { reason, attempts: letter.attempts, group, name: error?.name, message: error?.message },
        {
          reason: 'attempts-exhausted',
          attempts: 3,
          group: await wholeGroup(bus),
          name: 'TypeError',
          message: 'no such customer',
        },
        'what the letter says',
      )
      const [first, last] = [Date.parse(letter.firstFailedAt), Date.parse(letter.lastFailedAt)]
      scene.expect.that(
        begin - 1 <= first && first + 20 <= last && last <= Date.now(),
        'the first and the last failure are 2 waits apart',
        letter,
      )
    },
  ),

  defineCase('C14', 'a permanent error is not tried again', deadLetters, async (scene) => {
    const Happened = counted(scene.type())
    let calls = 0
    const declined = handler(Happened, { group: 'declined', retry: { attempts: 5, delay: '10ms' } }, () => {
      calls++
      throw new PermanentError('card declined')
    })
    const bus = await scene.bus({ handlers: [declined] })
    await bus.publish(Happened, { number: 1 })
    await scene.expect.eventually(
      async () => (await letterCount(bus)) > 0,
      'there is a dead letter',
      () => calls,
    )
    await scene.expect.never(
      () => calls > 1,
      'the handler is called once',
      () => calls,
    )
    const [letter] = await lettersOf(bus)
    scene.expect.equal([letter?.reason, letter?.attempts], ['permanent-error', 1], 'reason and attempts')
  }),

  defineCase(
    'C15',
    'what cannot be read is parked with its bytes, unseen by any handler, and the stream goes on',
    deadLetters,
    async (scene) => {
      const Happened = counted(scene.type())
      const handled: number[] = []
      const bus = await scene.bus({
        handlers: [
          handler(
            Happened,
            { group: 'reader', retry: { attempts: 2, delay: '10ms' } },
            ({ data }) => void handled.push(data.number),
          ),
        ],
      })
      const group = await wholeGroup(bus)
      const connection = await scene.connect()
      const type = scene.type()
      const bad: Record<string, Message> = {
        undecodable: scene.message({ type, body: new Uint8Array([0x7b, 0xff, 0x00]) }),
        invalid: scene.message({ type, body: '{"number":"one"}' }),
        'unknown-version': scene.message({ type, attributes: { dataversion: 99 }, body: '{"number":1}' }),
        'unknown-type': scene.message({ type: scene.type('foreign') }),
      }
      for (const message of Object.values(bad)) await connection.publish({ message, group })
      await bus.publish(Happened, { number: 7 })
      await scene.expect.eventually(
        async () => (await letterCount(bus)) >= 4 && handled.length > 0,
        'four letters, and one event handled',
        () => handled,
      )
      for (const [reason, message] of Object.entries(bad)) {
        const letter = (await lettersOf(bus)).find(
          ({ message: { attributes } }) => attributes['id'] === message.attributes['id'],
        )
        scene.expect.equal([letter?.reason, letter?.attempts], [reason, 0], `reason and attempts of what is ${reason}`)
        scene.expect.equal(
          letter && bytesOf(letter.message.body),
          bytesOf(message.body),
          `the bytes of what is ${reason}`,
        )
      }
      scene.expect.equal(handled, [7], 'what the handler saw')
    },
  ),

  defineCase('C16', 'an event whose dead letter cannot be written stays with its group', deadLetters, async (scene) => {
    const Happened = counted(scene.type())
    let tried = 0
    const full = altered(scene.kit.transport(), {
      delivery: (delivery) =>
        over(delivery, {
          settle(settlement) {
            if (settlement.as !== 'dead-lettered') return delivery.settle(settlement)
            tried++
            return Promise.reject(new SettlementRefusedError(new DeadLettersFullError(0)))
          },
        }),
    })
    const declined = handler(Happened, { group: 'one' }, () => {
      throw new PermanentError('declined')
    })
    const first = await scene.bus({ transport: full, handlers: [declined] })
    const event = await first.publish(Happened, { number: 1 })
    await scene.expect.eventually(
      () => tried > 0,
      'the letter is written',
      () => tried,
    )
    await scene.expect.inTime(first.close({ timeout: 100 }), 'close() resolves')
    const handled: string[] = []
    await scene.bus({ handlers: [handler(Happened, { group: 'one' }, ({ id }) => void handled.push(id))] })
    await scene.expect.eventually(
      () => handled.length > 0,
      'the event comes to the next member',
      () => handled,
    )
    scene.expect.equal(handled, [event.id], 'what came')
  }),

  defineCase(
    'C17',
    'a replay goes to the group that failed and to no other, keeps the id, and heeds its limit',
    deadLetters,
    async (scene) => {
      const Happened = counted(scene.type())
      let broken = true
      const [failing, fine]: [string[], string[]] = [[], []]
      const replays: (string | undefined)[] = []
      const watch: Middleware = {
        name: 'watch',
        receive(incoming, next) {
          if (!broken) replays.push(incoming.message.headers['x-tidings-replay-of'])
          return next(incoming.message)
        },
      }
      const handlers = [
        handler(Happened, { group: 'failing', retry: false }, ({ id }) => {
          if (broken) throw new Error('not yet')
          failing.push(id)
        }),
        handler(Happened, { group: 'fine' }, ({ id }) => void fine.push(id)),
      ]
      const bus = await scene.bus({ handlers, middleware: [watch] })
      const events: string[] = []
      for (let number = 0; number < 5; number++) events.push((await bus.publish(Happened, { number })).id)
      const count = (): Promise<number> => bus.deadLetters.count({ group: 'failing' })
      await scene.expect.eventually(
        async () => (await count()) === 5 && fine.length === 5,
        'five letters of one group',
        () => fine,
      )
      const ids = (await lettersOf(bus)).map(({ id }) => id)
      broken = false
      const result = await bus.deadLetters.replay({ group: 'failing' }, { limit: 3, rate: 1000 })
      scene.expect.equal([result.replayed, result.ended, result.failed.length], [3, 'limit', 0], 'what the replay did')
      await scene.expect.eventually(
        () => failing.length >= 3,
        'three events come again',
        () => failing,
      )
      await scene.expect.eventually(
        async () => (await count()) === 2,
        'two letters are left',
        () => failing,
      )
      await bus.deadLetters.replay({ group: 'failing' }, { rate: 1000 })
      await scene.expect.eventually(
        () => failing.length >= 5,
        'all come again',
        () => failing,
      )
      await scene.expect.never(
        () => fine.length > 5 || failing.length > 5,
        'no other group, and none twice',
        () => [failing, fine],
      )
      scene.expect.sameItems(failing, events, 'the ids')
      scene.expect.sameItems(replays, ids, 'the letters that the copies name')
      scene.expect.equal(await count(), 0, 'letters that are left')
    },
  ),

  defineCase(
    'C60',
    'a parked key keeps its order: what comes later waits behind it until it is replayed',
    { needs: ['a store of dead letters', 'ordering'] },
    async (scene) => {
      const Happened = counted(scene.type())
      let broken = true
      const handled: string[] = []
      const parking = handler(Happened, { group: 'one', deadLetter: 'park-key', retry: false }, ({ data }) => {
        if (broken && data.key === 'K' && data.number === 1) throw new PermanentError('not yet')
        handled.push(`${data.key}${data.number}`)
      })
      const bus = await scene.bus({ handlers: [parking] })
      for (let number = 1; number <= 3; number++) {
        for (const key of ['K', 'L']) await bus.publish(Happened, { key, number })
      }
      await scene.expect.eventually(
        async () => (await letterCount(bus)) >= 3 && handled.length >= 3,
        'one key is parked, the other handled',
        () => handled,
      )
      scene.expect.equal(handled, ['L1', 'L2', 'L3'], 'what was handled')
      scene.expect.equal(
        (await lettersOf(bus)).map(({ reason }) => reason),
        ['permanent-error', 'key-parked', 'key-parked'],
        'the reasons',
      )
      broken = false
      const result = await scene.expect.inTime(
        bus.deadLetters.replay({ group: 'one', key: 'K' }, { rate: 1000 }),
        'the replay ends',
      )
      scene.expect.equal(
        [result.replayed, result.failed.length, result.ended],
        [3, 0, 'complete'],
        'what the replay did',
      )
      await bus.publish(Happened, { key: 'K', number: 4 })
      await scene.expect.eventually(
        () => handled.length >= 7,
        'the key goes on',
        () => handled,
      )
      scene.expect.equal(handled.slice(3), ['K1', 'K2', 'K3', 'K4'], 'the order of the key')
      await scene.expect.eventually(
        async () => (await letterCount(bus)) === 0,
        'no letter is left',
        () => handled,
      )
    },
  ),
]
