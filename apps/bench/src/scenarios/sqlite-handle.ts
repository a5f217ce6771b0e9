import { type Contender, duel } from '../sqlite/duel.ts'
import { type HandlingOptions, plainjobHandling, tidingsHandling } from '../sqlite/handlers.ts'
import { readyRows } from '../sqlite/limit.ts'
import type { RaceScenario } from './scenario.ts'
import { columns } from './sqlite-publish.ts'

const contenders: Readonly<Record<string, (options: HandlingOptions) => Promise<Contender>>> = {
  default: tidingsHandling,
  idempotent: (options) => tidingsHandling({ ...options, idempotent: true }),
  write: (options) => tidingsHandling({ ...options, writes: true }),
  'idempotent-write': (options) => tidingsHandling({ ...options, idempotent: true, writes: true }),
  plainjob: plainjobHandling,
}

/** What it costs to publish into a file and handle what was published, beside a loop that only writes the rows. */
export const sqliteHandle: RaceScenario = {
  kind: 'race',
  id: 'sqlite-handle',
  title: 'Publish into a file and handle',
  group: 'sqlite',
  page: 'sqlite',
  columns: Object.keys(columns),
  contestants: {
    default: { side: 'ours', label: 'tidings, all defaults' },
    idempotent: { side: 'ours', label: 'tidings, `idempotent`' },
    write: { side: 'ours', label: 'tidings, a write of the handler in the same commit' },
    'idempotent-write': { side: 'ours', label: 'tidings, `idempotent`, and a write in the same commit' },
    plainjob: { side: 'peer', label: 'plainjob, `addMany` and one worker', package: 'plainjob' },
  },
  rounds: 3,
  yardstick: 'the loop of `sqlite-publish`, which handles nothing',
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
