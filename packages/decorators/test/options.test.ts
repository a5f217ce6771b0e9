import { describe, expect, test } from 'vitest'
import {
  circuitBreaker,
  debounce,
  idempotent,
  limit,
  logged,
  resequenced,
  retry,
  throttle,
  timeout,
} from '../src/index.ts'

type Loose = (...args: unknown[]) => unknown

describe('options', () => {
  test.for([
    ['retry', retry, [], { atempts: 3 }, 'attempts'],
    ['circuitBreaker', circuitBreaker, [], { failure: 1 }, 'failures'],
    ['resequenced', resequenced, [], { gap: '1s' }, 'gapTimeout'],
    ['idempotent', idempotent, [], { Store: {} }, 'store'],
    ['logged', logged, [], { Logger: console }, 'logger'],
    ['limit', limit, [1], { waiting: 1 }, 'maxWaiting'],
    ['throttle', throttle, [10], { trail: true }, 'trailing'],
    ['debounce', debounce, [10], { wait: 1 }, 'maxWait'],
    ['timeout', timeout, [10], { late: () => {} }, 'onLate'],
  ] as const)('that %s does not know are refused by name', ([name, factory, before, options, known]) => {
    const [unknown] = Object.keys(options)
    expect(() => (factory as Loose)(...before, options)).toThrow(
      new RegExp(`^\`${unknown}\` is no option of ${name}\\nThere are: .*${known}`),
    )
    expect(() => (factory as Loose)(...before, 3)).toThrow(`\`options of ${name}\` must be an object, received 3`)
  })

  test.for([retry, logged, idempotent, resequenced, circuitBreaker])(
    'that are a handler tell of the forgotten call: %o',
    (factory) => {
      expect(() => (factory as Loose)(() => {})).toThrow(/Call it first: \w+\(…\)\(handler\)/)
    },
  )

  test('a timeout of 0 is refused', () => {
    expect(() => timeout(0)).toThrow(/`duration` must be longer than 0, received 0\n/)
  })
})
