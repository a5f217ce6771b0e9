import { TidingsError } from '@tidings/core'
import { defineEvent, type EventOf } from '@tidings/events'
import { defineDecider } from '@tidings/store'
import { expect, test } from 'vitest'
import * as z from 'zod'
import { givenFor, SpecificationError } from '../src/index.ts'

const Opened = defineEvent('bank.account.opened', z.object({ owner: z.string() }))
const Withdrawn = defineEvent('bank.money.withdrawn', z.object({ amount: z.int() }))
type AccountEvent = EventOf<typeof Opened> | EventOf<typeof Withdrawn>

const account = defineDecider({
  initial: () => ({ open: false, balance: 0 }),
  evolve(state, event: AccountEvent) {
    if (event.type === 'bank.account.opened') return { open: true, balance: 100 }
    // In place, so that a state that is used twice shows.
    state.balance -= event.data.amount
    return state
  },
  decide(command: { readonly withdraw: number }, state): AccountEvent | AccountEvent[] {
    if (!state.open) throw new RangeError('no such account')
    if (command.withdraw > state.balance) throw new TidingsError('OVERDRAWN', `only ${state.balance} are left`)
    return command.withdraw === 0 ? [] : Withdrawn.create({ amount: command.withdraw })
  },
})

const given = givenFor(account)
const opened = Opened.create({ owner: 'Ada' })
const withdrawn = (amount: number): AccountEvent => Withdrawn.create({ amount })

test('then compares what was decided, apart from ids and times', () => {
  const whenMore = given([opened, withdrawn(60)]).when({ withdraw: 40 })
  whenMore.then([withdrawn(40)])
  whenMore.then(withdrawn(40))
  given([opened]).when({ withdraw: 0 }).then([])
})

test('thenThrows takes any error, a class, a code, or a function', () => {
  given().when({ withdraw: 1 }).thenThrows()
  given().when({ withdraw: 1 }).thenThrows(RangeError)
  given().when({ withdraw: 1 }).thenThrows(Error)
  const whenTooMuch = given([opened]).when({ withdraw: 101 })
  whenTooMuch.thenThrows('OVERDRAWN')
  whenTooMuch.thenThrows((error) => String(error).includes('100 are left'))
})

test.for<[string, () => void, string]>([
  [
    'other data',
    () => given([opened]).when({ withdraw: 40 }).then(withdrawn(41)),
    'expected: bank.money.withdrawn (version 1) {"amount":41}\nreceived: bank.money.withdrawn (version 1) {"amount":40}',
  ],
  [
    'events instead of none',
    () => given([opened]).when({ withdraw: 40 }).then([]),
    'expected: no events\nreceived: bank',
  ],
  ['none instead of events', () => given([opened]).when({ withdraw: 0 }).then(opened), 'received: no events'],
  ['an error', () => given().when({ withdraw: 1 }).then([]), 'received: it threw RangeError: no such account'],
  ['no error', () => given([opened]).when({ withdraw: 1 }).thenThrows(), 'expected: an error\nreceived: bank.money'],
  ['another class', () => given().when({ withdraw: 1 }).thenThrows(TypeError), 'an error of the class TypeError'],
  ['another code', () => given([opened]).when({ withdraw: 101 }).thenThrows('CLOSED'), 'with the code CLOSED'],
  [
    'a function that says no',
    () =>
      given()
        .when({ withdraw: 1 })
        .thenThrows(() => false),
    'the function finds right',
  ],
])('fails at %s, and shows both', ([, specify, told]) => {
  expect(specify).toThrow(SpecificationError)
  expect(specify).toThrow(told)
})

test('whoever awaits a specification that has no end is told', async () => {
  const pending = Promise.resolve<unknown>(given([opened]).when({ withdraw: 1 }))
  await expect(pending).rejects.toThrow('a specification is no promise')
})
