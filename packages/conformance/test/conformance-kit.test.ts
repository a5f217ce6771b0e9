import { memory, systemClock, type Transport } from '@tidings/bus'
import { describe, expect, test } from 'vitest'
import { altered } from '../src/altered.ts'
import { defineCase } from '../src/case.ts'
import {
  type ConformanceCase,
  conformanceCases,
  ConformanceError,
  type RunOptions,
  runConformance,
} from '../src/index.ts'
import { over } from '@tidings/core/tools'
import { durableKit } from './fixtures/durable-kit.ts'

const cases = (...ids: string[]): ConformanceCase[] => conformanceCases.filter(({ id }) => ids.includes(id))

describe('runConformance', () => {
  test('tells each result as it comes, before the next case begins', async () => {
    const broker = memory()
    const told: string[] = []
    const transport = over(broker, {
      connect(options) {
        told.push(`connect ${options.name.slice(1, 4)}`)
        return broker.connect(options)
      },
    })
    const { results } = await runConformance(
      { transport: () => transport },
      { cases: cases('C05', 'C06', 'C10'), onResult: ({ id, outcome }) => told.push(`${id} ${outcome}`) },
    )
    expect([...new Set(told)]).toEqual(['C05 skipped', 'connect c06', 'C06 passed', 'connect c10', 'C10 passed'])
    expect(results.map(({ id }) => id)).toEqual(['C05', 'C06', 'C10'])
  })

  test('ends when whom it tells throws', async () => {
    const told: string[] = []
    const run = runConformance(
      { transport: memory },
      {
        cases: cases('C05', 'C06'),
        onResult: ({ id }) => {
          told.push(id)
          throw new Error('the disk is full')
        },
      },
    )
    await expect(run).rejects.toThrow('the disk is full')
    expect(told).toEqual(['C05'])
  })

  test('refuses an option that it does not have, such as the cases without a name', async () => {
    const run = runConformance({ transport: memory }, cases('C05') as RunOptions)
    await expect(run).rejects.toThrow(/^runConformance\(\) has no option `0`\n.*\{ cases: \[…\] \}/)
  })
})

describe('a failure names the step', () => {
  test('by the check, the steps before it, and the numbers of the messages', async () => {
    let published = 0
    const broker = memory()
    const transport = altered(broker, {
      connection: (connection) => ({
        publish: (outgoing) => (++published === 3 ? undefined : connection.publish(outgoing)),
      }),
    })
    const error = await failureOf('C09', transport)
    const [first, second] = error.message.split('\n')
    const others = Array.from({ length: 20 }, (_, index) => `"#${index + 1}"`).filter((name) => name !== '"#3"')
    expect(first).toBe(`C09: 20 messages arrive, within 200ms; seen: [${others.join(',')}]`)
    expect(second).toMatch(/^At check 23, after: connect, join c09-\w+\.group, publish #1–#20$/)
    expect(error.check).toBe(23)
    expect(error.after).toHaveLength(3)
    expect(error.toJSON()['details']).toMatchObject({ id: 'C09', check: 23 })
  })

  test('of a call that was to succeed, with what it failed with as the cause', async () => {
    const cause = new Error('no such vhost')
    const transport = over(memory(), { connect: () => Promise.reject(cause) })
    const error = await failureOf('C09', transport)
    expect(error.message).toBe(
      'C09: no call fails that is to succeed; seen: Error: no such vhost\nOutside of a check, after: connect',
    )
    expect(error.cause).toBe(cause)
  })

  test('of a long case by its last twelve steps', async () => {
    const long = defineCase('C00', 'ten connections publish', {}, async (scene) => {
      for (let count = 0; count < 10; count++) await scene.publish(await scene.connect(), [scene.message()])
      scene.expect.equal(1, 2, 'one')
    })
    const [result] = (await runConformance({ transport: memory }, { cases: [long] })).results
    const { after } = result!.error as ConformanceError
    expect(after).toHaveLength(13)
    expect(after.slice(0, 3)).toEqual(['…', 'connect', 'publish #5'])
    expect(after.at(-1)).toBe('publish #10')
  })
})

describe('restBeforeKill', () => {
  // As with a quorum queue: killed too soon behind what was written last, the broker does not come up again.
  async function results(rest: number, restBeforeKill: number): Promise<string[]> {
    let lastPublish = 0
    await using kit = await durableKit({
      reached: (transport) =>
        altered(transport, {
          connection: (connection) => ({
            async publish(...args) {
              await connection.publish(...args)
              lastPublish = Date.now()
            },
          }),
        }),
    })
    let killed = 0
    const broker = {
      kill() {
        killed = Date.now()
        return kit.broker!.kill()
      },
      async start() {
        if (killed - lastPublish < rest) throw new Error('the queue has no leader')
        await kit.broker!.start()
      },
    }
    const { results } = await runConformance({ ...kit, broker, restBeforeKill }, { cases: cases('C05', 'C09') })
    return results.map(({ id, outcome }) => `${id} ${outcome}`)
  }

  test('is heeded by C05 and C09, which fail on a broker that is killed too soon', { timeout: 60_000 }, async () => {
    expect(await results(600_000, 0)).toEqual(['C05 failed', 'C09 failed'])
    expect(await results(250, 300)).toEqual(['C05 passed', 'C09 passed'])
  })

  test('is refused where it is no duration', async () => {
    const run = runConformance({ transport: memory, restBeforeKill: 'long' as '1s' }, { cases: cases('C05') })
    await expect(run).rejects.toThrow(/restBeforeKill/)
  })
})

describe('removeGroups', () => {
  test('is told each group that a case made, once nobody is in it', { timeout: 60_000 }, async () => {
    const made = new Set<string>()
    let connections = 0
    const transport = altered(memory({ history: 1000 }), {
      membership: (_membership, { group, temporary }) => {
        if (!temporary) made.add(group)
        return {}
      },
      connection: (connection) => {
        connections++
        let isOpen = true
        return {
          close() {
            if (isOpen) connections--
            isOpen = false
            return connection.close()
          },
        }
      },
    })
    const removed: string[] = []
    const connected: number[] = []
    await runConformance({
      transport: () => transport,
      async removeGroups(names) {
        removed.push(...names)
        connected.push(connections)
      },
    })
    expect(made.size).toBeGreaterThan(50)
    expect(removed.toSorted()).toEqual([...made].toSorted())
    expect(Math.max(...connected)).toBe(0)
  })

  test('is not needed where the transport can take groups away itself', { timeout: 60_000 }, async () => {
    const broker = memory({ history: 1000 })
    const { results } = await runConformance({ transport: () => broker }, { cases: cases('C10', 'C24', 'C34', 'C77') })
    expect(results.map(({ outcome }) => outcome)).toEqual(['passed', 'passed', 'passed', 'passed'])
    const ignore = (): void => {}
    const connection = await broker.connect({
      name: '/app',
      clock: systemClock,
      onState: ignore,
      onUnroutable: ignore,
    })
    expect(await connection.groups!.list()).toEqual([])
    await connection.close()
  })

  test('fails the case where it rejects', async () => {
    const broker = memory()
    const removeGroups = (): Promise<void> => Promise.reject(new Error('it is in use'))
    const { results } = await runConformance({ transport: () => broker, removeGroups }, { cases: cases('C10') })
    expect(results).toMatchObject([
      { outcome: 'failed', reason: 'C10: settling and closing do not fail; seen: Error: it is in use' },
    ])
  })
})

async function failureOf(id: string, transport: Transport): Promise<ConformanceError> {
  const { results } = await runConformance({ transport: () => transport, within: 200 }, { cases: cases(id) })
  const error = results[0]?.error
  expect(error).toBeInstanceOf(ConformanceError)
  return error as ConformanceError
}
