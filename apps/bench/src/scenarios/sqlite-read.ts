import { type Contender, duel } from '../sqlite/duel.ts'
import { emmettMissing } from '../sqlite/native.ts'
import { emmettReader, readerByHand, type Reading, tidingsReader } from '../sqlite/reads.ts'
import type { RaceScenario } from './scenario.ts'

const columns: Readonly<Record<string, Omit<Reading, 'file'>>> = {
  'a stream of 1,000': { events: 1000, stream: 'order-0' },
  'the log, 100,000': { events: 100_000, stream: undefined },
}

const readers: Readonly<Record<string, (reading: Reading) => Promise<Contender>>> = {
  tidings: tidingsReader,
  emmett: (reading) => emmettReader(reading, 'store'),
  // Ten times as many would take it a minute, and each of them as long.
  'emmett-consumer': (reading) => emmettReader({ ...reading, events: 10_000 }, 'consumer'),
}

const emmett = { side: 'peer', package: '@event-driven-io/emmett-sqlite' } as const

/** What it costs to read events out of a file. */
export const sqliteRead: RaceScenario = {
  kind: 'race',
  id: 'sqlite-read',
  title: 'Read from a file',
  group: 'sqlite',
  page: 'sqlite',
  columns: Object.keys(columns),
  contestants: {
    tidings: { side: 'ours', label: 'tidings, `store.read` and `store.readAll`' },
    emmett: { ...emmett, label: 'Emmett, `readStream` and `readMessagesBatch`' },
    'emmett-consumer': { ...emmett, label: 'Emmett, its consumer, which notes how far it is; of 10,000' },
  },
  rounds: 3,
  yardstick: 'rows read by hand and their JSON parsed',
  unit: 'event',
  onDisk: true,
  leftOut: (name, column) => {
    if (!name.startsWith('emmett')) return undefined
    if (name === 'emmett-consumer' && columns[column]!.stream !== undefined) return 'Emmett: a consumer reads the log'
    return emmettMissing()
  },
  prepare: (name, column) => {
    const reading = columns[column]!
    return duel(
      (file) => readers[name]!({ ...reading, file }),
      (file) => readerByHand({ ...reading, file }),
    )
  },
}
