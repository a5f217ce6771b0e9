import type { GroupRequest } from '@tidings/bus/transport'
import { afterAll, describe, expect, test } from 'vitest'
import { rabbitmq } from '../src/index.ts'
import { onChannel } from './fixtures/broker.ts'
import { connectTo, group, joined } from './fixtures/connect.ts'
import { privateServer } from './fixtures/server.ts'

const server = await privateServer()
afterAll(() => server?.stop())

describe.runIf(server !== undefined)('on a broker', () => {
  const url = server!.url
  const transport = (options: object = {}) => rabbitmq({ url, delays: ['100ms', '1s'], ...options })

  test('a plan shows what is missing, makes nothing, and refuses to guess what AMQP cannot be asked for', async () => {
    const { plan, apply } = transport({ prefix: 'planned' })
    const groups = [group('plan.one', { ordered: true }), group('plan.two')]
    const before = await plan!(groups)
    expect(before.present).toEqual([])
    expect(before.differing).toEqual([])
    expect(before.unknown).toEqual([])
    expect(before.missing.map(({ name }) => name)).toContain('planned.group.plan.one')
    expect(await plan!(groups)).toEqual(before)

    expect(await apply!(groups)).toEqual(before)
    const after = await plan!(groups)
    expect(after.missing).toEqual([])
    expect(after.unknown.every(({ kind }) => kind === 'binding')).toBe(true)
    expect([...after.present, ...after.unknown]).toHaveLength(before.missing.length)
    // What is there already is made once more without harm.
    expect(await apply!(groups)).toEqual(after)
  })

  test('INVARIANT: apply makes nothing while anything differs, and names all of it with what the broker has', async () => {
    await onChannel(url, async (channel) => {
      await channel.assertQueue('differing.group.g', { durable: true })
      await channel.assertExchange('differing.events', 'fanout')
    })
    const { plan, apply } = transport({ prefix: 'differing' })
    const { differing, missing } = await plan!([group('g')])
    expect(differing.map(({ part, found }) => [part.name, found])).toEqual([
      ['differing.events', { type: 'fanout' }],
      ['differing.group.g', { 'x-queue-type': 'none' }],
    ])
    const applied = apply!([group('g')])
    await expect(applied).rejects.toMatchObject({ code: 'RABBITMQ_DIFFERS', retryable: false })
    await expect(applied).rejects.toThrow(
      'the exchange "differing.events" (type is fanout, wanted topic); the queue "differing.group.g"',
    )
    const still = await plan!([group('g')])
    expect(still.missing).toEqual(missing)
  })

  test('INVARIANT: a user who may make nothing runs on what an operator made by the plan', async () => {
    await server!.ctl('add_user', 'reader', 'secret')
    // Temporary groups are of the connection, which must be able to make them.
    const [write, read] = ['^(made\\.|amq\\.default)', '^made\\.']
    await server!.ctl('set_permissions', '-p', '/', 'reader', '^made\\.(temporary|member)\\.', write, read)
    const theirs = url.replace('guest:guest', 'reader:secret')
    const asked = [group('made.one'), group('made.two', { ordered: true })]

    const missing = connectTo(rabbitmq({ url: theirs, prefix: 'made', declare: false }))
    await expect(missing).rejects.toMatchObject({ code: 'RABBITMQ_MISSING' })
    await expect(missing).rejects.toThrow('the exchange "made.events" is not there')
    await expect(connectTo(rabbitmq({ url: theirs, prefix: 'made' }))).rejects.toMatchObject({
      code: 'RABBITMQ_REFUSED',
    })

    // The operator's user needs no more than the names of the application.
    await server!.ctl('add_user', 'maker', 'secret')
    await server!.ctl('set_permissions', '-p', '/', 'maker', '^made\\.', write, read)
    const partitions = (name: string): number => (name === 'made.two' ? 2 : 1)
    const operator = { url: url.replace('guest:guest', 'maker:secret'), prefix: 'made', partitions }
    await transport(operator).apply!(asked)
    const options = { url: theirs, prefix: 'made', declare: false, delays: ['100ms', '1s'], partitions } as const
    const line = await connectTo(rabbitmq(options))
    const [one, two] = [await joined(line, asked[0]!), await joined(line, asked[1]!)]
    const replies = await joined(line, group('made.replies', { temporary: true, types: [] }))
    const message = line.message()
    await line.publish({ message })
    await line.publish({ message: line.message(), group: 'made.replies' })
    await line.publish({ message: line.message(), group: 'made.one', notBefore: Date.now() + 150 })
    await expect.poll(() => [one.length, two.length, replies.length]).toEqual([2, 1, 1])
    await expect(joined(line, group('made.other'))).rejects.toThrow('the queue "made.dead.made.other" is not there')
    await line.close()
  })

  test('INVARIANT: two applications on one broker never steal from each other', async () => {
    // The same group of the same types, under two prefixes.
    const [shop, other] = [
      await connectTo(transport({ prefix: 'shop' })),
      await connectTo(transport({ prefix: 'other' })),
    ]
    const [mine, theirs] = [await joined(shop, group('shared')), await joined(other, group('shared'))]
    await shop.publish({ message: shop.message() })
    await shop.publish({ message: shop.message(), group: 'shared' })
    await shop.publish({ message: shop.message(), notBefore: Date.now() + 120 })
    await other.publish({ message: other.message() })
    await expect.poll(() => [mine.length, theirs.length]).toEqual([3, 1])
    await Promise.all([shop.close(), other.close()])
  })

  test('two applications with one prefix have the events of both, each for its own groups', async () => {
    const [billing, mail] = [await connectTo(transport()), await connectTo(transport())]
    const [charged, sent] = [await joined(billing, group('billing.work')), await joined(mail, group('mail.work'))]
    for (let n = 0; n < 5; n++) await billing.publish({ message: billing.message() })
    await mail.publish({ message: mail.message(), group: 'mail.work' })
    await expect.poll(() => [charged.length, sent.length]).toEqual([5, 6])
    await Promise.all([billing.close(), mail.close()])
  })

  test('a group that is there with other settings is refused once, and names what differs', async () => {
    const line = await connectTo(transport())
    await joined(line, group('order.changes'))
    const ordered: GroupRequest = group('order.changes', { ordered: true })
    const refused = joined(line, ordered)
    await expect(refused).rejects.toMatchObject({ code: 'RABBITMQ_DIFFERS' })
    await expect(refused).rejects.toThrow("inequivalent arg 'x-single-active-consumer'")
    expect(line.states).toEqual(['connected'])
    await line.close()
  })

  test('what nobody answers, and what nobody lets in, is one error of ours', async () => {
    await expect(connectTo(rabbitmq({ url: 'amqp://127.0.0.1:1' }))).rejects.toMatchObject({
      code: 'RABBITMQ_UNREACHABLE',
    })
    const wrong = connectTo(rabbitmq({ url: url.replace('guest:guest', 'guest:wrong') }))
    await expect(wrong).rejects.toMatchObject({ code: 'RABBITMQ_REFUSED' })
    await expect(wrong).rejects.not.toThrow('wrong')
    await expect(connectTo(rabbitmq({ url: `${url}/nowhere` }))).rejects.toMatchObject({ name: 'RabbitmqError' })
  })
})
