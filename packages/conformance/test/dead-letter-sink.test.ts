import { memory } from '@tidings/bus'
import { describe, expect, test } from 'vitest'
import { pause } from '../src/expect.ts'
import { conformanceCases, ConformanceError, type ConformanceResult, runConformance } from '../src/index.ts'
import { bytesOf } from '../src/message.ts'
import { inOrder, type SinkFaults, withSink } from './fixtures/with-sink.ts'

async function resultWith(faults: SinkFaults): Promise<ConformanceResult> {
  const transport = withSink(memory(), faults)
  const cases = conformanceCases.filter(({ id }) => id === 'C94')
  // Longer than the letters of the case take at their rate.
  const { results } = await runConformance({ transport: () => transport, within: '2s' }, { cases })
  return results[0]!
}

test('C94 passes on a sink that keeps what is promised, and is left out where there is none', async () => {
  expect(await resultWith({})).toMatchObject({ outcome: 'passed', reason: undefined })
  const cases = conformanceCases.filter(({ id }) => id === 'C94')
  const { results } = await runConformance({ transport: memory }, { cases })
  expect(results).toMatchObject([{ reason: 'memory: has no sink of dead letters, so C94 does not apply' }])
})

// As in mutations.test.ts: each breaks one promise.
describe('C94 finds a sink that', { concurrent: true }, () => {
  test.for<[breaks: string, faults: SinkFaults, what: string]>([
    ['loses its letters', { sendBack: async () => 0 }, 'letters that go back to who declines them'],
    [
      'sends back what comes meanwhile',
      {
        async sendBack(letters, send, options) {
          let count = 0
          for (; letters.length > 0 && count < options.limit; await pause(1))
            count += await inOrder(letters, send, { ...options, limit: 1 })
          return count
        },
      },
      'replay() resolves',
    ],
    [
      'sends back the newest first',
      {
        sendBack(letters, send, options) {
          letters.reverse()
          return inOrder(letters, send, options)
        },
      },
      'the oldest two',
    ],
    [
      'mixes up what is behind the first two',
      {
        sendBack(letters, send, options) {
          if (letters.length === 4 && !options.signal.aborted) letters.reverse()
          return inOrder(letters, send, options)
        },
      },
      'the order in which they go back',
    ],
    [
      'does not heed a limit',
      { sendBack: (letters, send, options) => inOrder(letters, send, { ...options, limit: Infinity }) },
      'no more than the limit go back',
    ],
    [
      'does not heed its signal',
      {
        sendBack: (letters, send, options) =>
          inOrder(letters, send, { ...options, signal: new AbortController().signal }),
      },
      'no more than the limit go back',
    ],
    [
      'does not heed the rate',
      { sendBack: (letters, send, options) => inOrder(letters, send, { ...options, rate: Infinity }) },
      'six letters at four a second',
    ],
    [
      'keeps what it has sent back',
      { sendBack: (letters, send, options) => inOrder([...letters], send, options) },
      'how many go back',
    ],
    ['sends back to every group that asks for the type', { copy: ({ message }) => ({ message }) }, 'no other group'],
    ['has one queue for all groups', { queueOf: () => 'all' }, 'letters that go back to who declines them'],
    [
      'forgets the headers',
      { copy: ({ message, group }) => ({ message: { ...message, headers: {} }, group }) },
      'what goes back',
    ],
    [
      'reads the bytes as text',
      {
        copy: ({ message, group }) => ({
          message: { ...message, body: new TextDecoder().decode(bytesOf(message.body)) },
          group,
        }),
      },
      'what goes back',
    ],
  ])('%s', async ([, faults, what], { expect }) => {
    const { outcome, error, reason } = await resultWith(faults)
    expect(outcome).toBe('failed')
    expect(error).toBeInstanceOf(ConformanceError)
    expect(reason).toContain(what)
  })
})
