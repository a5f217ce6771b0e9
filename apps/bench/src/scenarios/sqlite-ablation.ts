import { type Contender, duel } from '../sqlite/duel.ts'
import { tidingsHandling } from '../sqlite/handlers.ts'
import { madeRows, readyRows } from '../sqlite/limit.ts'
import { type PublisherOptions, tidingsPublisher, transportPublisher } from '../sqlite/publishers.ts'
import type { RaceScenario } from './scenario.ts'
import { columns } from './sqlite-publish.ts'

const shown = ['FULL, 64 in flight', 'NORMAL, 64 in flight', 'FULL, 1,000 in flight', 'NORMAL, 1,000 in flight']

const steps: Readonly<Record<string, (options: PublisherOptions) => Promise<Contender>>> = {
  made: ({ file, durability, inFlight }) => madeRows({ file, durability, perCommit: inFlight }),
  transport: transportPublisher,
  publish: tidingsPublisher,
  handle: tidingsHandling,
  idempotent: (options) => tidingsHandling({ ...options, idempotent: true }),
}

/** What an event that goes through a file spends, beside the loop that inserts rows which lie ready. */
export const sqliteAblation: RaceScenario = {
  kind: 'race',
  id: 'ablation-sqlite',
  title: 'What an event in a file spends',
  group: 'ablations',
  page: 'sqlite',
  columns: shown,
  contestants: {
    made: { side: 'hand', label: 'the loop, which makes its rows: id, time, JSON' },
    transport: { side: 'hand', label: 'the transport alone: messages made before, a promise for each' },
    publish: { side: 'ours', label: 'a bus: the event made, validated, encoded, confirmed' },
    handle: { side: 'ours', label: 'and decoded, validated once more, handled and settled' },
    idempotent: { side: 'ours', label: 'and `idempotent`' },
  },
  rounds: 3,
  yardstick: 'a loop of prepared inserts of the same rows in the same commits',
  unit: 'event',
  onDisk: true,
  prepare: (name, column) => {
    const { durability, inFlight } = columns[column]!
    return duel(
      (file) => steps[name]!({ file, durability, inFlight }),
      (file) => readyRows({ file, durability, perCommit: inFlight }),
    )
  },
}
