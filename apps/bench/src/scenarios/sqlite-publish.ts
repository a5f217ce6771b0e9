import { type Contender, duel } from '../sqlite/duel.ts'
import type { Durability } from '../sqlite/files.ts'
import { madeRows, readyRows } from '../sqlite/limit.ts'
import { plainjobPublisher, type PublisherOptions, tidingsPublisher } from '../sqlite/publishers.ts'
import type { RaceScenario } from './scenario.ts'

const ways: readonly number[] = [1, 64, 1000]

/** Columns, and what they mean. */
export const columns: Readonly<Record<string, { readonly durability: Durability; readonly inFlight: number }>> =
  Object.fromEntries(
    (['full', 'normal'] as const).flatMap((durability) =>
      ways.map((inFlight) => [
        `${durability.toUpperCase()}, ${inFlight.toLocaleString('en')} in flight`,
        { durability, inFlight },
      ]),
    ),
  )

const contenders: Readonly<Record<string, (options: PublisherOptions) => Promise<Contender>>> = {
  tidings: tidingsPublisher,
  plainjob: (options) => plainjobPublisher(options, 'add'),
  'plainjob-many': (options) => plainjobPublisher(options, 'addMany'),
  loop: ({ file, durability, inFlight }) => madeRows({ file, durability, perCommit: inFlight }),
}

/** What it costs to publish into a file, beside a loop that writes the same rows in the same commits. */
export const sqlitePublish: RaceScenario = {
  kind: 'race',
  id: 'sqlite-publish',
  title: 'Publish into a file',
  group: 'sqlite',
  page: 'sqlite',
  columns: Object.keys(columns),
  contestants: {
    tidings: { side: 'ours', label: 'tidings, `bus.publish`' },
    plainjob: { side: 'peer', label: 'plainjob, `add`', package: 'plainjob' },
    'plainjob-many': { side: 'peer', label: 'plainjob, one `addMany` of as many', package: 'plainjob' },
    loop: { side: 'hand', label: 'the loop, which makes its rows: id, time, JSON' },
  },
  rounds: 3,
  yardstick: 'a loop of prepared inserts of the same rows in the same commits',
  unit: 'event',
  onDisk: true,
  prepare: (name, column) => {
    const { durability, inFlight } = columns[column]!
    return duel(
      (file) => contenders[name]!({ file, durability, inFlight }),
      (file) => readyRows({ file, durability, perCommit: inFlight }),
    )
  },
}
