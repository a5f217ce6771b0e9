import { describe, expect, test, vi } from 'vitest'
import type { Bar } from '../src/report/bars.ts'
import { busyCores } from '../src/run/busy.ts'
import { type Cell, cellsOf, untilSettled } from '../src/run/measure-bars.ts'
import { scenarios } from '../src/scenarios/scenarios.ts'

const bar = (id: string, contestant: string, more: Partial<Bar> = {}): Bar => ({
  id,
  claim: id,
  scenario: 'publish-1',
  column: 'warmed',
  contestant,
  atLeast: 2,
  ...more,
})

/** Measures by a rule, and notes who was measured in which rounds. */
function measuring(rule: (contestant: string, round: number) => number) {
  const asked: string[] = []
  const measure = async (cells: readonly Cell[], rounds: readonly number[]) => {
    asked.push(`${cells.map(({ contestant }) => contestant).join()} ${rounds.join()}`)
    return rounds.flatMap((round) =>
      cells.map((cell) => ({ job: { ...cell, round }, value: rule(cell.contestant, round) })),
    )
  }
  return { asked, measure }
}

describe('bars are measured', () => {
  test('in their first rounds only, where none looks failed', async () => {
    const { asked, measure } = measuring(() => 2)
    await untilSettled([bar('a', 'handle'), bar('b', 'string')], scenarios, { first: 3, most: 9 }, measure)
    expect(asked).toEqual(['handle,string 0,1,2'])
  })

  test('again where one looks failed, that one alone, until it does not', async () => {
    const { asked, measure } = measuring((contestant, round) => (contestant === 'handle' && round < 3 ? 1 : 3))
    const results = await untilSettled(
      [bar('a', 'handle'), bar('b', 'string')],
      scenarios,
      { first: 3, most: 9 },
      measure,
    )
    // Its upper quartile reaches 2 as soon as one round of four does not look disturbed, and half of the way lies past it.
    expect(asked).toEqual(['handle,string 0,1,2', 'handle 3', 'handle 4'])
    expect(results.map(({ contestant, figure }) => [contestant, figure.rounds])).toEqual([
      ['handle', 5],
      ['string', 3],
    ])
  })

  test('as often as they may and no more, where one fails for good', async () => {
    const { asked, measure } = measuring(() => 1)
    await untilSettled([bar('a', 'handle', { against: ['mitt'] })], scenarios, { first: 2, most: 4 }, measure)
    expect(asked).toEqual(['handle,mitt 0,1', 'handle,mitt 2', 'handle,mitt 3'])
  })

  test('no more often than at first, where one that misses the design keeps what is held', async () => {
    const { asked, measure } = measuring(() => 1.5)
    await untilSettled([bar('a', 'handle', { held: { atLeast: 1.4 } })], scenarios, { first: 2, most: 4 }, measure)
    expect(asked).toEqual(['handle 0,1'])
  })
})

test('what bars need is measured once, the yardstick and what is no scenario left out', () => {
  const cells = cellsOf(
    [
      bar('a', 'handle', { against: ['node', 'mitt'], held: { atLeast: 1, against: ['loop'] } }),
      bar('b', 'handle', { against: ['mitt'] }),
      bar('c', 'shop', { scenario: 'retail' }),
    ],
    scenarios,
  )
  expect(cells.map(({ contestant }) => contestant)).toEqual(['handle', 'mitt', 'loop'])
})

test('long bars are left to the whole bench', () => {
  expect(cellsOf([bar('a', 'handle', { long: true })], scenarios)).toEqual([])
})

test('cores are kept busy by processes that end when told', async () => {
  const processes = () => process.getActiveResourcesInfo().filter((name) => name === 'ProcessWrap').length
  const before = processes()
  const busy = busyCores()
  expect(busy.count).toBeGreaterThan(0)
  expect(processes()).toBe(before + busy.count)
  busy[Symbol.dispose]()
  await vi.waitFor(() => expect(processes()).toBe(before))
})
