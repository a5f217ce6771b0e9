import { handled } from '@tidings/bus/transport'
import { isTidingsError } from '@tidings/core'
import { type ConformanceCase, defineCase } from '../case.ts'
import { hold } from '../member.ts'
import { idOf } from '../message.ts'
import { fillGroup } from './fill-group.ts'

/** What a settlement does besides ending its delivery. */
export const settlementCases: readonly ConformanceCase[] = [
  defineCase(
    'C67',
    'a settlement brings its effects to where they go, each once, and its message does not come again',
    {},
    async (scene) => {
      const { expect } = scene
      const connection = await scene.connect()
      const everyone = await scene.join(connection, { group: scene.group('everyone'), types: [scene.type('effect')] })
      const oneGroup = await scene.join(connection, { group: scene.group('one'), types: [] })
      const member = await scene.join(connection, {}, hold)
      const cause = scene.message()
      await scene.publish(connection, [cause])
      const delivery = await scene.delivered(member, 1)
      const effects = scene.messages(3, () => ({ type: scene.type('effect'), subject: 'key' }))
      const [direct, nowhere] = scene.messages(2, () => ({ type: scene.type('effect') }))
      const settled = await scene.settle(delivery, {
        ...handled,
        effects: [
          ...effects.map((message) => ({ message })),
          { message: direct!, group: scene.group('one') },
          // Who asked may be gone: that concerns neither the others nor the message itself.
          { message: nowhere!, group: scene.group('nobody') },
        ],
      })
      expect.equal(settled, undefined, 'what came of the settlement')
      const all = (): string[][] => [everyone.ids, oneGroup.ids]
      await expect.eventually(() => all().flat().length >= 4, 'the effects arrive', all)
      await expect.eventually(
        () => connection.unroutable.length > 0,
        'an effect for a group that does not exist is told',
        () => connection.unroutable.map(idOf),
      )
      await expect.never(() => all().flat().length > 4, 'each effect arrives once', all)
      if (scene.kit.about.capabilities.ordering === 'none') expect.sameItems(everyone.ids, effects.map(idOf), 'effects')
      else expect.equal(everyone.ids, effects.map(idOf), 'the effects of one key, in their order')
      expect.equal(oneGroup.ids, [idOf(direct!)], 'the effect for one group')
      expect.equal(connection.unroutable.map(idOf), [idOf(nowhere!)], 'the effects that are told')
      await expect.inTime(connection.close(), 'close() resolves')
      const next = await scene.join(await scene.connect())
      await expect.never(
        () => next.ids.length > 0,
        'the message does not come again',
        () => next.ids,
      )
    },
  ),

  defineCase(
    'C68',
    'a settlement with an effect that is too large is refused as a whole, and the delivery is still held',
    { needs: ['a largest size'] },
    async (scene) => {
      const { expect } = scene
      const { maxMessageSize, inbox } = scene.kit.about.capabilities
      const connection = await scene.connect()
      const effects = await scene.join(connection, { group: scene.group('effects'), types: [scene.type('effect')] })
      const member = await scene.join(connection, { marks: inbox }, hold)
      const cause = scene.message()
      await scene.publish(connection, [cause])
      const delivery = await scene.delivered(member, 1)
      const small = scene.message({ type: scene.type('effect') })
      const large = scene.message({ type: scene.type('effect'), body: new Uint8Array(maxMessageSize + 1) })
      const mark = inbox ? { source: scene.source(), id: idOf(cause) } : undefined
      const refused = delivery.settle({ ...handled, mark, effects: [{ message: small }, { message: large }] })
      const error = await expect.rejection(Promise.resolve(refused), 'settling rejects')
      expect.that(isTidingsError(error, 'SETTLEMENT_REFUSED'), 'it rejects with SETTLEMENT_REFUSED', error)
      const cause1 = error instanceof Error ? error.cause : undefined
      expect.that(isTidingsError(cause1, 'MESSAGE_TOO_LARGE'), 'its cause is MESSAGE_TOO_LARGE', cause1)
      await expect.never(
        () => effects.ids.length > 0 || member.ids.length > 1,
        'nothing of it is there, and the message does not come again',
        () => [effects.ids, member.ids],
      )
      expect.equal(delivery.lost.aborted, false, 'whether the delivery is lost')
      const settled = await scene.settle(delivery, { ...handled, mark, effects: [{ message: small }] })
      expect.equal(settled, undefined, 'what came of the settlement without it')
      await scene.delivered(effects, 1, 'the other effect arrives')
      expect.equal(effects.ids, [idOf(small)], 'the effects')
    },
  ),

  defineCase(
    'C69',
    'where the mark is there already, nothing else of a settlement is done and the message is gone',
    { needs: ['inbox', 'copies'] },
    async (scene) => {
      const { expect } = scene
      const connection = await scene.connect()
      const effects = await scene.join(connection, { group: scene.group('effects'), types: [scene.type('effect')] })
      const member = await scene.join(connection, { marks: true, prefetch: 2 }, hold)
      const copy = scene.message()
      const mark = { source: scene.source(), id: idOf(copy) }
      // Both are out before either is marked, as in two members.
      await scene.publish(connection, [copy, copy])
      await scene.delivered(member, 2)
      const [first, second] = member.deliveries
      expect.equal(first!.handledBefore, false, '`handledBefore` of the first copy')
      const [one, other, third] = scene.messages(3, () => ({ type: scene.type('effect') }))
      const of = (message: typeof one) => ({ ...handled, mark, effects: [{ message: message! }] })
      expect.equal(await scene.settle(first!, of(one)), undefined, 'what came of the first copy')
      expect.equal(await scene.settle(second!, of(other)), 'handled-before', 'what came of the second copy')
      await scene.publish(connection, [copy])
      const later = await scene.delivered(member, 3)
      expect.equal(later.handledBefore, true, '`handledBefore` of a later copy')
      expect.equal(await scene.settle(later, of(third)), 'handled-before', 'what came of a later copy')
      await scene.delivered(effects, 1, 'the effect of the first copy arrives')
      await expect.never(
        () => effects.ids.length > 1,
        'no other effect does',
        () => effects.ids,
      )
      expect.equal(effects.ids, [idOf(one!)], 'the effects')
      await expect.inTime(connection.close(), 'close() resolves')
      const next = await scene.join(await scene.connect())
      await expect.never(
        () => next.ids.length > 0,
        'no copy comes again',
        () => next.ids,
      )
    },
  ),

  defineCase(
    'C95',
    'what a settlement sends gets into a group that is full: no handler waits for room that only it can make',
    { needs: ['waiting'] },
    async (scene) => {
      const { expect } = scene
      const type = scene.type('effect')
      const watcher = await scene.join(await scene.connect(), { group: scene.group('watcher'), types: [type] })
      // One connection, as in a bus: who waits for room in it must not stand in the way of what its handlers send.
      const connection = await scene.connect()
      const member = await scene.join(connection, { types: [scene.type(), type], prefetch: 1 }, hold)
      // Where a group has no bound in this reach, nobody waits for room in it. With one of 10,000 more wait than a
      // connection may send before the first is confirmed.
      await fillGroup(scene, connection, member, 10_500)
      const delivery = await scene.delivered(member, 1)
      const due = async (): Promise<number> => {
        const { waiting, handedOut } = (await member.membership.backlog())!
        return waiting + handedOut
      }
      const before = await due()
      const [alone, effect, direct] = scene.messages(3, () => ({ type }))
      // As the bus sends an effect where it does a settlement step by step.
      const published = Promise.resolve(connection.publish({ message: alone!, beyond: true }))
      await expect.inTime(published, 'publish() beyond the bound resolves')
      const effects = [{ message: effect! }, { message: direct!, group: scene.group() }]
      expect.equal(await scene.settle(delivery, { ...handled, effects }), undefined, 'what came of the settlement')
      await scene.delivered(watcher, 2, 'what was sent arrives where there is room')
      expect.sameItems(
        watcher.ids,
        [alone, effect].map((message) => idOf(message!)),
        'what arrived',
      )
      // One has gone, and three have come.
      let after = 0
      await expect.eventually(
        async () => (after = await due()) >= before + 2,
        'what was sent is in the full group',
        () => ({ before, after }),
      )
    },
  ),
]
