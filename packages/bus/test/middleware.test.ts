import { describe, expect, test } from 'vitest'
import { handler, type Message, type Middleware } from '../src/index.ts'
import { quiet } from './support/recording-member.ts'
import { OrderPlaced, testedBus } from './support/shop.ts'

describe('middleware', () => {
  test('the first one is the outermost, in both directions', async () => {
    const calls: string[] = []
    const named = (name: string): Middleware => ({
      name,
      async publish(message, next) {
        calls.push(`${name} publishes`)
        await next(message)
        calls.push(`${name} published`)
      },
      async receive({ message, group, attempt }, next) {
        calls.push(`${name} receives for ${group}, attempt ${attempt}`)
        await next(message)
        calls.push(`${name} received`)
      },
    })
    await using tested = await testedBus({
      middleware: [named('outer'), named('inner')],
      handlers: [handler(OrderPlaced, { group: 'g' }, () => void calls.push('handled'))],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await quiet()
    expect(calls.filter((call) => call.includes('publish'))).toEqual([
      'outer publishes',
      'inner publishes',
      'inner published',
      'outer published',
    ])
    expect(calls.filter((call) => !call.includes('publish'))).toEqual([
      'outer receives for shop.g, attempt 1',
      'inner receives for shop.g, attempt 1',
      'handled',
      'inner received',
      'outer received',
    ])
    expect(tested.bus.describe().middleware).toEqual(['outer', 'inner'])
  })

  test('what is on the wire can be anything that is undone on the other side', async () => {
    const reversed = (message: Message): Message => ({
      ...message,
      body: String(message.body).split('').toReversed().join(''),
    })
    const mirror: Middleware = {
      name: 'mirror',
      publish: (message, next) => next(reversed(message)),
      receive: ({ message }, next) => next(reversed(message)),
    }
    const got: unknown[] = []
    await using tested = await testedBus({
      middleware: [mirror],
      handlers: [
        handler(OrderPlaced, { group: 'g', retry: { delay: 1 } }, ({ data }, { attempt }) => {
          if (attempt === 1) throw new Error('again')
          got.push(data)
        }),
      ],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await tested.pass(100)
    expect(got).toEqual([{ order: 1, item: 'Book' }])
  })

  test('it sees what the handler threw, and decides whether the attempt has failed', async () => {
    const seen: unknown[] = []
    const forgiving: Middleware = {
      name: 'forgiving',
      async receive({ message }, next) {
        try {
          await next(message)
        } catch (error) {
          seen.push(error)
        }
      },
    }
    await using tested = await testedBus({
      middleware: [forgiving],
      handlers: [
        handler(OrderPlaced, { group: 'g' }, () => {
          throw new Error('unforgivable')
        }),
      ],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await quiet()
    expect(seen).toMatchObject([{ message: 'unforgivable' }])
    expect(tested.hooks('handled')).toHaveLength(1)
  })

  test('one that fails before the handler is tried again, and given up like any failure', async () => {
    let handled = 0
    await using tested = await testedBus({
      middleware: [{ name: 'broken', receive: () => Promise.reject(new Error('no key to decrypt with')) }],
      handlers: [handler(OrderPlaced, { group: 'g', retry: { attempts: 2, delay: 10 } }, () => handled++)],
    })
    await tested.bus.publish(OrderPlaced, { order: 1 })
    await tested.pass(1_000)
    expect(handled).toBe(0)
    expect(tested.hooks('deadLettered')).toMatchObject([
      { reason: 'attempts-exhausted', attempts: 2, error: { message: 'no key to decrypt with' } },
    ])
  })
})
