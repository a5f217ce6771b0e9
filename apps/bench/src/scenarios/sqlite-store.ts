import { type Appending, appendsByHand, emmettAppends, tidingsAppends, tidingsOneByOne } from '../sqlite/appends.ts'
import { type Contender, duel } from '../sqlite/duel.ts'
import type { Durability } from '../sqlite/files.ts'
import { emmettMissing } from '../sqlite/native.ts'
import type { RaceScenario } from './scenario.ts'

type Shape = Omit<Appending, 'file'>

const many: readonly Pick<Appending, 'callers' | 'batch'>[] = [
  { callers: 1, batch: 1 },
  { callers: 64, batch: 1 },
  { callers: 100, batch: 1 },
  { callers: 1, batch: 10 },
  { callers: 1, batch: 100 },
  { callers: 1, batch: 1000 },
]

function columnsOf(streams: number): Readonly<Record<string, Shape>> {
  return Object.fromEntries(
    (['full', 'normal'] satisfies Durability[]).flatMap((durability) =>
      many.map((shape) => [
        `${durability.toUpperCase()}, ${wordsOf(shape)}`,
        { durability, streams, ...shape } satisfies Shape,
      ]),
    ),
  )
}

function wordsOf({ callers, batch }: Pick<Appending, 'callers' | 'batch'>): string {
  if (batch > 1) return `batches of ${batch.toLocaleString('en')}`
  return callers === 1 ? '1 caller' : `${callers} callers`
}

const contenders: Readonly<Record<string, (options: Appending) => Promise<Contender>>> = {
  tidings: tidingsAppends,
  'one-by-one': tidingsOneByOne,
  emmett: (options) => emmettAppends(options, 'each'),
  'emmett-connection': (options) => emmettAppends(options, 'one'),
}

/** What an append costs, on 10,000 streams and on one, beside a loop by hand that does the same work. */
export const sqliteStores: readonly RaceScenario[] = [
  appendScenario('sqlite-store', 'Append to 10,000 streams', columnsOf(10_000)),
  appendScenario('sqlite-store-one', 'Append to one stream', columnsOf(1)),
]

function appendScenario(id: string, title: string, columns: Readonly<Record<string, Shape>>): RaceScenario {
  return {
    kind: 'race',
    id,
    title,
    group: 'sqlite',
    page: 'sqlite',
    columns: Object.keys(columns),
    contestants: {
      tidings: { side: 'ours', label: 'tidings, `store.append`' },
      'one-by-one': { side: 'ours', label: 'tidings, one transaction for each append' },
      emmett: { side: 'peer', label: 'Emmett, a connection for each call', package: '@event-driven-io/emmett-sqlite' },
      'emmett-connection': {
        side: 'peer',
        label: 'Emmett, one connection',
        package: '@event-driven-io/emmett-sqlite',
      },
    },
    rounds: 3,
    yardstick: 'a loop by hand that does the same work in the same commits',
    unit: 'event',
    onDisk: true,
    leftOut: (name, column) => leftOut(name, columns[column]!),
    prepare: (name, column) => {
      const shape = columns[column]!
      return duel(
        (file) => contenders[name]!({ ...shape, file }),
        (file) => appendsByHand({ ...shape, file }),
      )
    },
  }
}

function leftOut(name: string, { callers, durability }: Shape): string | undefined {
  if (name === 'one-by-one') return callers === 1 ? 'one caller has a transaction for each append anyway' : undefined
  if (!name.startsWith('emmett')) return undefined
  if (name === 'emmett' && durability === 'normal') return 'Emmett: a connection that it opens itself is always FULL'
  if (name === 'emmett' && callers > 1) {
    return 'Emmett: of appends that run at once on connections of their own all but one fail with SQLITE_BUSY'
  }
  return emmettMissing()
}
