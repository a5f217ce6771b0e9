import { expect, test } from 'vitest'
import { AsyncEventDispatcher, type DispatcherOptions, EventDispatcher, type SubscribeOptions } from '../src/index.ts'

const refused = (first: RegExp, fix: RegExp): unknown =>
  expect.objectContaining({
    code: 'INVALID_ARGUMENT',
    message: expect.stringMatching(new RegExp(`^.*${first.source}.*\\n.*${fix.source}`)),
  })

test.for([
  [{ onerror: () => {} }, /`onerror` is no option/, /onError/],
  [{ maxdepth: 3 }, /`maxdepth` is no option/, /maxDepth/],
  [{ concurrency: 3 }, /`concurrency` is no option/, /maxDepth/],
  [{ storm: { limit: 1, period: '1s' } }, /`period` is no option of storm/, /per, cooldown/],
  [{ storm: 5 }, /`options of storm` must be an object, received 5/, /limit, per/],
  [{ onError: 'log' }, /`onError` must be a function, received "log"/, /default/],
  [{ onUnhandled: 1 }, /`onUnhandled` must be a function/, /default/],
  [null, /must be an object, received null/, /onError, onUnhandled/],
] as const)('an option that makes no sense is refused by name: %o', ([options, first, fix]) => {
  expect(() => new EventDispatcher(options as unknown as DispatcherOptions)).toThrow(refused(first, fix))
})

test.for([
  [{ onse: true }, /`onse` is no option of subscribe/, /once/],
  [true, /`options of subscribe` must be an object, received true/, /once/],
] as const)('so is one of subscribe, and nothing is subscribed: %o', ([options, first, fix]) => {
  const dispatcher = new EventDispatcher()
  const subscribe = (): unknown => dispatcher.subscribe('a', () => {}, options as unknown as SubscribeOptions)
  expect(subscribe).toThrow(refused(first, fix))
  expect(dispatcher.size).toBe(0)
})

test('maxPending that would bound nothing is refused', () => {
  expect(() => new AsyncEventDispatcher({ maxPending: 1 })).toThrow(
    refused(/`maxPending` bounds nothing/, /concurrency|both/),
  )
  expect(new AsyncEventDispatcher({ maxPending: 1, mode: 'serial' }).pending).toBe(0)
})

test('a subscription shows in JSON what a log wants to know', () => {
  const subscription = new EventDispatcher().subscribe('a', function reserve() {}, { priority: 2 })
  expect(JSON.parse(JSON.stringify(subscription))).toEqual({
    key: 'a',
    name: 'reserve',
    priority: 2,
    once: false,
    active: true,
  })
})
