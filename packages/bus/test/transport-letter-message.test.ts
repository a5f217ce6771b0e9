import { expect, test } from 'vitest'
import type { DeadLetter } from '../src/index.ts'
import { letterMessage, receivedMessage } from '../src/transport/index.ts'

const letter: DeadLetter = {
  id: 'shop.billing~~~2fshop~~e-1',
  group: 'shop.billing',
  message: {
    attributes: { specversion: '1.0', id: 'e-1', source: '/shop', type: 'shop.order.placed' },
    contentType: 'application/json',
    body: new Uint8Array([0x7b, 0xff]),
    headers: { 'x-tenant': 'acme' },
  },
  reason: 'attempts-exhausted',
  error: {
    name: 'TypeError',
    code: 'E_CARD',
    message: 'm'.repeat(5000),
    stack: 's'.repeat(9000),
    details: { card: 4 },
  },
  parksKey: false,
  attempts: 5,
  firstFailedAt: '2026-12-01T09:00:00.000Z',
  lastFailedAt: '2026-12-01T09:01:00.000Z',
}

test('a letter in a sink says why it is there, beside what was received', () => {
  const { headers, ...rest } = letterMessage(letter)
  expect({ ...rest, headers: {} }).toEqual({ ...letter.message, headers: {} })
  const { 'x-tidings-dead-error': error, ...others } = headers
  expect(others).toEqual({
    'x-tenant': 'acme',
    'x-tidings-dead-id': 'shop.billing~~~2fshop~~e-1',
    'x-tidings-dead-group': 'shop.billing',
    'x-tidings-dead-reason': 'attempts-exhausted',
    'x-tidings-dead-attempts': '5',
    'x-tidings-dead-first-failed-at': '2026-12-01T09:00:00.000Z',
    'x-tidings-dead-last-failed-at': '2026-12-01T09:01:00.000Z',
  })
  expect(error!.length).toBeLessThan(2048)
  expect(JSON.parse(error!)).toEqual({
    name: 'TypeError',
    code: 'E_CARD',
    message: 'm'.repeat(512),
    stack: 's'.repeat(1024),
  })
})

test('what goes back to its group is what was received', () => {
  expect(receivedMessage(letterMessage(letter))).toEqual(letter.message)
  const { error: _error, ...bare } = letter
  expect(receivedMessage(letterMessage({ ...bare, error: undefined }))).toEqual(letter.message)
})
