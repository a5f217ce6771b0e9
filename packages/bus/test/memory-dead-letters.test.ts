import { beforeEach, describe, expect, test } from 'vitest'
import { type DeadLetter, type DeadLetterStore, memory } from '../src/index.ts'
import { connectTo, message } from './support/recording-member.ts'

let store: DeadLetterStore

beforeEach(async () => {
  store = (await connectTo(memory({ maxDeadLetters: 5 }))).connection.deadLetters!
})

function letter(id: string, facts: { group?: string; key?: string; attempts?: number } = {}): DeadLetter {
  const { group = 'group', key, attempts = 5 } = facts
  return {
    id,
    group,
    message: message(id, key === undefined ? {} : { key }),
    reason: 'attempts-exhausted',
    error: { name: 'Error', message: 'failed' },
    parksKey: false,
    attempts,
    firstFailedAt: '2026-01-01T00:00:00.000Z',
    lastFailedAt: '2026-01-01T00:00:01.000Z',
  }
}

async function ids(query: Partial<Parameters<DeadLetterStore['list']>[0]> = {}): Promise<string[]> {
  return (await store.list({ limit: 100, ...query })).map(({ id }) => id)
}

describe('dead letters', () => {
  test('are kept as they are, in the order of arrival', async () => {
    const first = letter('z')
    for (const each of [first, letter('a'), letter('m')]) await store.add(each)
    expect(await store.get('z')).toBe(first)
    expect(await store.get('b')).toBeUndefined()
    expect(await ids()).toEqual(['z', 'a', 'm'])
  })

  test('of the same id are replaced in their place', async () => {
    for (const id of ['1', '2', '3']) await store.add(letter(id))
    const again = letter('2', { attempts: 6 })
    await store.add(again)
    expect(await store.get('2')).toBe(again)
    expect(await ids()).toEqual(['1', '2', '3'])
    await store.add(letter('1', { key: 'k', group: 'other' }))
    expect(await ids()).toEqual(['1', '2', '3'])
    expect(await ids({ group: 'other' })).toEqual(['1'])
  })

  test('are listed in pages, of one group where it is given', async () => {
    for (const id of ['1', '2', '3', '4', '5']) await store.add(letter(id, { group: Number(id) % 2 ? 'odd' : 'even' }))
    expect(await ids({ limit: 2 })).toEqual(['1', '2'])
    expect(await ids({ limit: 2, after: '2' })).toEqual(['3', '4'])
    expect(await ids({ limit: 2, after: '4' })).toEqual(['5'])
    expect(await ids({ after: '5' })).toEqual([])
    expect(await ids({ group: 'odd', after: '1' })).toEqual(['3', '5'])
    expect(await ids({ group: 'even', limit: 1 })).toEqual(['2'])
    expect(await ids({ group: 'neither' })).toEqual([])
  })

  test('that are removed while somebody pages through them leave the page behind them as it was', async () => {
    for (const id of ['1', '2', '3', '4', '5']) await store.add(letter(id))
    for (const id of ['1', '2', '3']) expect(await store.remove(id)).toBe(true)
    expect(await store.remove('1')).toBe(false)
    expect(await ids({ after: '3' })).toEqual(['4', '5'])
    expect(await ids({ after: '2' })).toEqual(['4', '5'])
    await store.add(letter('2'))
    expect(await ids({ after: '5' })).toEqual(['2'])
    expect(await ids({ after: '2' })).toEqual([])
    expect(await ids()).toEqual(['4', '5', '2'])
  })

  test('the oldest of a key is known, for each group', async () => {
    await store.add(letter('1', { key: 'k' }))
    await store.add(letter('2', { key: 'k' }))
    await store.add(letter('3', { key: 'k', group: 'other' }))
    await store.add(letter('4'))
    const first = async (group: string, key: string) => (await store.firstOfKey(group, key))?.id
    expect(await first('group', 'k')).toBe('1')
    expect(await first('other', 'k')).toBe('3')
    expect(await first('group', 'x')).toBeUndefined()
    expect(await first('nobody', 'k')).toBeUndefined()
    await store.add(letter('1', { key: 'k', attempts: 6 }))
    expect(await store.firstOfKey('group', 'k')).toMatchObject({ id: '1', attempts: 6 })
    await store.remove('1')
    expect(await first('group', 'k')).toBe('2')
    await store.remove('2')
    expect(await first('group', 'k')).toBeUndefined()
    await store.add(letter('3', { key: 'x' }))
    expect(await first('other', 'k')).toBeUndefined()
    expect(await first('group', 'x')).toBe('3')
  })

  test('INVARIANT: no more are kept than may, and none is dropped for another', async () => {
    for (const id of ['1', '2', '3', '4', '5']) await store.add(letter(id))
    expect(() => store.add(letter('6'))).toThrow('5 dead letters are kept already')
    await store.add(letter('5', { attempts: 6 }))
    expect(await ids()).toEqual(['1', '2', '3', '4', '5'])
    await store.remove('3')
    await store.add(letter('6'))
    expect(await ids()).toEqual(['1', '2', '4', '5', '6'])
  })

  test('stay when the connection closes, for all that connect', async () => {
    const broker = memory()
    const one = await connectTo(broker)
    await one.connection.deadLetters!.add(letter('1'))
    await one.connection.close()
    store = (await connectTo(broker)).connection.deadLetters!
    expect(await ids()).toEqual(['1'])
  })
})
