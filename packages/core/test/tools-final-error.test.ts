import { describe, expect, test } from 'vitest'
import { isFinal } from '../src/tools/index.ts'

class Declined extends Error {
  readonly retryable = false
}

const wrapped = (error: unknown, times: number): unknown =>
  Array.from({ length: times }).reduce<unknown>((cause) => new Error('wrapped', { cause }), error)

const throwing = (name: string, more: object = {}): object =>
  Object.defineProperty(more, name, {
    get() {
      throw new Error(`a getter of ${name}`)
    },
  })

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

describe('an error is final', () => {
  test.for([
    ['when it says so', new Declined()],
    ['when it is a plain object that says so', { retryable: false }],
    ['when its cause says so', wrapped(new Declined(), 1)],
    ['when a cause far down says so', wrapped(new Declined(), 16)],
    ['when it says so and its cause cannot be asked for', throwing('cause', new Declined())],
    ['when its cause is no error and says so', new Error('wrapped', { cause: { retryable: false } })],
    ['when it says nothing sensible and its cause does', { retryable: 'no', cause: new Declined() }],
  ] as const)('%s', ([, error]) => {
    expect(isFinal(error)).toBe(true)
  })
})

describe('an error is not final', () => {
  test.for([
    ['when it says nothing', new Error('away')],
    [
      'when it says that it is worth another attempt, whatever its cause says',
      { retryable: true, cause: new Declined() },
    ],
    ['when a cause says so before another one denies it', wrapped({ retryable: true, cause: new Declined() }, 2)],
    ['when it says something else than true or false', { retryable: 0 }],
    ['when it is undefined', undefined],
    ['when it is null', null],
    ['when it is a text', 'retryable'],
    ['when it is a symbol', Symbol('retryable')],
    ['when it is a revoked proxy', revoked()],
    ['when its cause is a revoked proxy', new Error('wrapped', { cause: revoked() })],
    ['when it cannot be asked', throwing('retryable', { cause: new Declined() })],
    ['when its cause cannot be asked for', throwing('cause')],
  ] as const)('%s', ([, error]) => {
    expect(isFinal(error)).toBe(false)
  })

  test('when its causes lead back to it', () => {
    const first = new Error('first')
    first.cause = new Error('second', { cause: first })
    expect(isFinal(first)).toBe(false)
  })

  test('when its causes never end', () => {
    let asked = 0
    const endless = (): object =>
      Object.defineProperty({}, 'cause', {
        get() {
          asked++
          return endless()
        },
      })
    expect(isFinal(endless())).toBe(false)
    expect(asked).toBeLessThan(100)
  })
})
