import { expect, test } from 'vitest'
import { type PublishAnswers, PublishWindow } from '../src/transport/index.ts'

/** A link that writes down what it is to send. */
function linked(window: PublishWindow<string>) {
  const sent: string[] = []
  const withdrawn: number[] = []
  const answers = window.open({
    send: (item, number) => void sent.push(`${number} ${item}`),
    withdraw: (number) => void withdrawn.push(number),
  })
  return { sent, withdrawn, answers }
}

/** What became of each publish, in the order in which they ended. */
function recorded(window: PublishWindow<string>) {
  const ended: string[] = []
  const publish = (item: string, options?: Parameters<typeof window.publish>[1]): void => {
    window.publish(item, options).then(
      () => ended.push(`${item} confirmed`),
      (error: unknown) => ended.push(`${item} ${(error as { code?: string }).code ?? (error as Error).message}`),
    )
  }
  return { ended, publish }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('what is published goes out in its order, and resolves when it is confirmed by its number', async () => {
  const window = new PublishWindow<string>({ size: 10 })
  const { sent, answers } = linked(window)
  const { ended, publish } = recorded(window)
  for (const item of 'abc') publish(item)
  expect(sent).toEqual(['1 a', '2 b', '3 c'])
  answers.confirm(2)
  answers.refuse(3, new Error('no'))
  await turn()
  expect(ended).toEqual(['b confirmed', 'c no'])
  answers.confirm(1)
  await turn()
  expect(ended.at(-1)).toBe('a confirmed')
})

test('INVARIANT: no more than its size is unconfirmed; the others wait, and follow in their order', async () => {
  const window = new PublishWindow<string>({ size: 2 })
  const { sent, answers } = linked(window)
  const { publish } = recorded(window)
  for (const item of 'abcd') publish(item)
  expect(sent).toEqual(['1 a', '2 b'])
  expect(window.waiting).toBe(2)
  answers.confirm(1)
  expect(sent).toEqual(['1 a', '2 b', '3 c'])
  answers.refuse(2, new Error('no'))
  expect(sent.at(-1)).toBe('4 d')
})

test('a confirm of many confirms all before it, and none behind', async () => {
  const window = new PublishWindow<string>({ size: 3 })
  const { sent, answers } = linked(window)
  const { ended, publish } = recorded(window)
  for (const item of 'abcde') publish(item)
  answers.refuse(2, new Error('no'))
  answers.confirmUpTo(3)
  await turn()
  expect(ended).toEqual(['b no', 'a confirmed', 'c confirmed'])
  expect(sent).toEqual(['1 a', '2 b', '3 c', '4 d', '5 e'])
})

test('what goes beyond the window is sent at once, before those that wait', () => {
  const window = new PublishWindow<string>({ size: 1 })
  const { sent, answers } = linked(window)
  const { publish } = recorded(window)
  for (const item of 'ab') publish(item)
  publish('reply', { beyond: true })
  expect(sent).toEqual(['1 a', '2 reply'])
  answers.confirm(2)
  expect(sent).toHaveLength(2)
  answers.confirm(1)
  expect(sent.at(-1)).toBe('3 b')
})

test('INVARIANT: what was sent on a link that broke has no known outcome, and what was not is sent on the next', async () => {
  const window = new PublishWindow<string>({ size: 2 })
  const first = linked(window)
  const { ended, publish } = recorded(window)
  for (const item of 'abcd') publish(item)
  first.answers.lost(new Error('gone'))
  await turn()
  expect(ended).toEqual(['a OUTCOME_UNKNOWN', 'b OUTCOME_UNKNOWN'])
  publish('e')
  const second = linked(window)
  await turn()
  expect(second.sent).toEqual(['1 c', '2 d'])
  // Late answers of the first link speak of others, though the numbers are the same.
  first.answers.confirm(1)
  first.answers.lost(new Error('gone'))
  await turn()
  expect(ended).toHaveLength(2)
  second.answers.confirmUpTo(2)
  await turn()
  expect(ended.slice(2)).toEqual(['c confirmed', 'd confirmed'])
  expect(second.sent.at(-1)).toBe('3 e')
})

test('the cause of a lost link is told', async () => {
  const window = new PublishWindow<string>({ size: 1 })
  const { answers } = linked(window)
  const cause = new Error('gone')
  const publish = window.publish('a')
  answers.lost(cause)
  await expect(publish).rejects.toMatchObject({ name: 'OutcomeUnknownError', cause })
})

test('nothing is sent before its caller has the answers of a link', async () => {
  const window = new PublishWindow<string>({ size: 10 })
  const publish = window.publish('a')
  let answers: PublishAnswers | undefined
  answers = window.open({ send: (_item, number) => answers!.confirm(number) })
  await publish
})

test('a signal takes back what waits, with its reason, and nothing of it is sent', async () => {
  const window = new PublishWindow<string>({ size: 1 })
  const { ended, publish } = recorded(window)
  const stop = new AbortController()
  publish('a', stop)
  publish('b')
  stop.abort(new Error('too late'))
  const { sent } = linked(window)
  await turn()
  expect(ended).toEqual(['a too late'])
  expect(sent).toEqual(['1 b'])
  publish('c', { signal: stop.signal })
  await turn()
  expect(ended.at(-1)).toBe('c too late')
})

test('a signal that aborts later withdraws; the place in the window comes free with the answer alone', async () => {
  const window = new PublishWindow<string>({ size: 1 })
  const { sent, withdrawn, answers } = linked(window)
  const { ended, publish } = recorded(window)
  const stop = new AbortController()
  publish('a', stop)
  publish('b')
  stop.abort(new Error('too late'))
  await turn()
  expect(ended).toEqual(['a OUTCOME_UNKNOWN'])
  expect(withdrawn).toEqual([1])
  expect(sent).toEqual(['1 a'])
  answers.confirm(1)
  expect(sent).toEqual(['1 a', '2 b'])
})

test('a signal that aborts behind the answer changes nothing', async () => {
  const window = new PublishWindow<string>({ size: 1 })
  const { withdrawn, answers } = linked(window)
  const stop = new AbortController()
  const publish = window.publish('a', stop)
  answers.confirm(1)
  await publish
  stop.abort()
  expect(withdrawn).toEqual([])
})

test('what cannot be sent is refused with what was thrown, and the next one goes', async () => {
  const window = new PublishWindow<string>({ size: 1 })
  const sent: string[] = []
  window.open({
    send: (item) => {
      // oxlint-disable-next-line typescript/only-throw-error -- Drivers throw anything.
      if (item === 'a') throw undefined
      sent.push(item)
    },
  })
  const a = window.publish('a')
  const b = window.publish('b')
  await expect(a).rejects.toBe(undefined)
  expect(sent).toEqual(['b'])
  window.end()
  await expect(b).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' })
})

test('a link that confirms while it sends takes any number that waits', async () => {
  const window = new PublishWindow<number>({ size: 1 })
  const all = Array.from({ length: 100_000 }, (_, number) => window.publish(number))
  const answers: PublishAnswers = window.open({ send: (_item, number) => answers.confirm(number) })
  await Promise.all(all)
  expect(window.waiting).toBe(0)
})

test('a window that is closed refuses, and resolves once what it has is answered', async () => {
  const window = new PublishWindow<string>({ size: 1 })
  const { sent, answers } = linked(window)
  const { ended, publish } = recorded(window)
  for (const item of 'ab') publish(item)
  let closed = false
  const closing = window.close().then(() => (closed = true))
  publish('late')
  answers.confirm(1)
  await turn()
  expect(ended).toEqual(['late BUS_CLOSED', 'a confirmed'])
  expect(sent).toEqual(['1 a', '2 b'])
  expect(closed).toBe(false)
  answers.confirm(2)
  await closing
})

test('one that nobody waits for any more does not hold up the end', async () => {
  const window = new PublishWindow<string>({ size: 1 })
  linked(window)
  const { publish } = recorded(window)
  const stop = new AbortController()
  publish('a', stop)
  stop.abort()
  await window.close()
})

test('without a link a window that is closed refuses what waits; so does one whose link breaks then', async () => {
  const window = new PublishWindow<string>({ size: 1 })
  const { answers } = linked(window)
  const here = recorded(window)
  for (const item of 'ab') here.publish(item)
  const closing = window.close()
  answers.lost(new Error('gone'))
  await closing
  expect(here.ended).toEqual(['a OUTCOME_UNKNOWN', 'b BUS_CLOSED'])
  const never = new PublishWindow<string>({ size: 1 })
  const { ended, publish } = recorded(never)
  publish('a')
  await never.close()
  expect(ended).toEqual(['a BUS_CLOSED'])
})

test('the end leaves nothing pending, and says of each whether it was sent', async () => {
  const window = new PublishWindow<string>({ size: 1 })
  linked(window)
  const { ended, publish } = recorded(window)
  for (const item of 'ab') publish(item)
  window.end(new Error('time is up'))
  window.end()
  await turn()
  expect(ended).toEqual(['a OUTCOME_UNKNOWN', 'b BUS_CLOSED'])
  publish('c')
  await turn()
  expect(ended.at(-1)).toBe('c BUS_CLOSED')
})

test('a window of no size is refused', () => {
  expect(() => new PublishWindow({ size: 0 })).toThrow('`size` must be a number from 1 on, received 0')
})
