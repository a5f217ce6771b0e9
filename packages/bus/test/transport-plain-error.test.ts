import { MessageTooLargeError, OutcomeUnknownError } from '@tidings/bus'
import { errorOf, plainError, SettlementRefusedError } from '@tidings/bus/transport'
import { isTidingsError, TidingsError } from '@tidings/core'
import { expect, test } from 'vitest'

const ways: [string, (value: never) => never][] = [
  ['JSON', (value) => JSON.parse(JSON.stringify(value)) as never],
  ['a structured clone', (value) => structuredClone(value)],
]

test.each(ways)('an error of the contract comes out of %s as it went in', (_, through) => {
  const refused = new SettlementRefusedError(new MessageTooLargeError('shop.order', 200, 100))
  const again = errorOf(through(plainError(refused) as never))
  expect(again).toBeInstanceOf(SettlementRefusedError)
  expect(again.cause).toBeInstanceOf(MessageTooLargeError)
  expect(isTidingsError(again, 'SETTLEMENT_REFUSED')).toBe(true)
  expect((again as TidingsError).toJSON()).toEqual(refused.toJSON())
  expect(again.stack).toBe(refused.stack)
  expect(errorOf(through(plainError(new OutcomeUnknownError('gone')) as never))).toMatchObject({ retryable: true })
})

test.each(ways)('one of an adapter too, where its class is given, with all fields, by %s', (_, through) => {
  class DiskError extends TidingsError<'DISK'> {
    override readonly name = 'DiskError'
    readonly file = 'a.db'
  }
  const plain = through(plainError(new DiskError('DISK', 'full')) as never)
  expect(errorOf(plain, [DiskError])).toBeInstanceOf(DiskError)
  const unknown = errorOf(plain)
  expect(unknown).not.toBeInstanceOf(DiskError)
  expect(unknown).toMatchObject({ name: 'DiskError', code: 'DISK', file: 'a.db' })
})

test.each(ways)('what is not ours keeps its name, its message and what is no object, by %s', (_, through) => {
  const error = Object.assign(new RangeError('too far'), { errno: 5, socket: { open: true }, end: () => {} })
  error.cause = error
  const again = errorOf(through(plainError(error) as never))
  expect([again.name, again.message, isTidingsError(again)]).toEqual(['RangeError', 'too far', false])
  expect(again).toMatchObject({ errno: 5, cause: { message: 'too far' } })
  expect(again).not.toHaveProperty('socket')
  expect(errorOf(through(plainError('a text') as never)).message).toBe('a text')
})
