import { describe, expect, test } from 'vitest'
import { TidingsError } from '../src/index.ts'
import {
  atLeast,
  functionOption,
  hook,
  invalidArgument,
  isThenable,
  knownOptions,
  methodOption,
  misuse,
  oneOf,
  shown,
  whole,
} from '../src/tools/index.ts'

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

test('a refusal says the place, the value and the fix, and has the code', () => {
  const error = invalidArgument('max', 'more than 0', 'none', 'Leave it out.')
  expect(error).toBeInstanceOf(TidingsError)
  expect(error).toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: '`max` must be more than 0, received "none"\nLeave it out.',
  })
  expect(misuse('both\nGive one.')).toMatchObject({ code: 'INVALID_ARGUMENT', message: 'both\nGive one.' })
})

describe('what fits is returned', () => {
  test.for([
    ['whole', whole(1, 1, 'max'), 1],
    ['whole and unbounded', whole(Infinity, 1, 'max', true), Infinity],
    ['a number', atLeast(0.5, 0, 'max'), 0.5],
    ['a number without a bound', atLeast(-3, -Infinity, 'max'), -3],
    ['a word', oneOf<'a' | 'b'>('b', ['a', 'b'], 'mode'), 'b'],
    ['the first word where none is given', oneOf<'a' | 'b'>(undefined, ['a', 'b'], 'mode'), 'a'],
    ['false, which is no word left out', oneOf<boolean>(false, [true, false], 'mode'), false],
    ['a function', functionOption(isThenable, 'then'), isThenable],
    ['a hook', hook(isThenable, 'then'), isThenable],
    ['a hook that is left out', hook(undefined, 'then'), undefined],
  ] as const)('%s', ([, value, expected]) => {
    expect(value).toBe(expected)
  })

  test('options of which all are known', () => {
    const options = { max: 1 }
    expect(knownOptions(options, ['max', 'min'], 'limit')).toBe(options)
  })

  test('an object with the method', () => {
    expect(() => methodOption(new Map(), 'get', 'store')).not.toThrow()
  })
})

describe('what does not fit is refused', () => {
  test.for<readonly [() => unknown, string]>([
    [() => whole(0, 1, 'max'), '`max` must be a whole number from 1 on, received 0'],
    [() => whole(1.5, 1, 'max'), '`max` must be a whole number from 1 on, received 1.5'],
    [() => whole(Infinity, 1, 'max'), '`max` must be a whole number from 1 on, received Infinity'],
    [() => whole('2' as never, 1, 'max'), '`max` must be a whole number from 1 on, received "2"'],
    [() => atLeast(-1, 0, 'max'), '`max` must be a number from 0 on, received -1'],
    [() => atLeast(Number.NaN, -Infinity, 'max'), '`max` must be a number, received NaN'],
    [() => oneOf<string>('c', ['a', 'b'], 'mode'), '`mode` must be one of a, b, received "c"'],
    [() => functionOption(undefined, 'then'), '`then` must be a function, received undefined'],
    [() => hook(null, 'then'), '`then` must be a function, received null'],
    [() => methodOption({}, 'get', 'store'), '`store.get` must be a function, received undefined'],
    [() => methodOption(undefined, 'get', 'store'), '`store.get` must be a function, received undefined'],
    [() => knownOptions({ mx: 1 }, ['max'], 'limit'), '`mx` is no option of limit\nThere are: max.'],
    [
      () => knownOptions(3 as never, ['max'], 'limit'),
      '`options of limit` must be an object, received 3\nThere are: max.',
    ],
    [() => knownOptions(null as never, ['max'], 'limit'), '`options of limit` must be an object, received null'],
  ])('%s', ([check, message]) => {
    expect(check).toThrow(message)
  })
})

test('a value is shown in short, whatever it is', () => {
  expect([undefined, null, 1n, Symbol('s'), 'a "b"', {}, [], () => {}].map(shown)).toEqual([
    'undefined',
    'null',
    '1',
    'Symbol(s)',
    '"a \\"b\\""',
    'an object',
    'an object',
    'a function',
  ])
  expect(shown('x'.repeat(1_000_000))).toHaveLength(99)
  expect(shown(revoked())).toBe('an object')
})

describe('a thenable', () => {
  const having = (descriptor: PropertyDescriptor, thing: object = {}): object =>
    // oxlint-disable-next-line unicorn/no-thenable -- it is the subject
    Object.defineProperty(thing, 'then', descriptor)

  test.for([
    ['a promise', Promise.resolve()],
    ['an object of another make', having({ value: () => {} })],
    ['a function with it', having({ value: () => {} }, () => {})],
  ] as const)('is %s', ([, value]) => {
    expect(isThenable(value)).toBe(true)
  })

  test.for([
    ['nothing', undefined],
    ['null', null],
    ['a text', 'then'],
    ['an object whose `then` is no function', having({ value: true })],
    ['a function', () => {}],
    ['a revoked proxy', revoked()],
    [
      'an object whose getter throws',
      having({
        get() {
          throw new Error('then')
        },
      }),
    ],
  ] as const)('is not %s', ([, value]) => {
    expect(isThenable(value)).toBe(false)
  })
})
