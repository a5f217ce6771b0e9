import { consumedPerSecond } from '../sqlite/consumers.ts'
import type { MeterScenario } from './scenario.ts'

const columns: Readonly<
  Record<string, { readonly processes: number; readonly work: number; readonly events: number }>
> = {
  'a trivial handler, one process': { processes: 1, work: 0, events: 30_000 },
  'a trivial handler, two': { processes: 2, work: 0, events: 30_000 },
  '1 ms of work, one process': { processes: 1, work: 1, events: 3000 },
  '1 ms of work, two': { processes: 2, work: 1, events: 3000 },
}

/** What a second process helps: they share one lock to write, so handlers that work gain, trivial ones do not. */
export const sqliteProcesses: MeterScenario = {
  kind: 'meter',
  id: 'sqlite-processes',
  title: 'Events a second that one and two consumer processes handle',
  group: 'sqlite',
  page: 'sqlite',
  unit: 'events a second',
  columns: Object.keys(columns),
  contestants: {
    full: { side: 'ours', label: 'tidings, FULL' },
    normal: { side: 'ours', label: 'tidings, NORMAL' },
  },
  rounds: 3,
  meter: (contestant, column) => {
    const { processes, work, events } = columns[column]!
    return consumedPerSecond(processes, events, { durability: contestant === 'full' ? 'full' : 'normal', work })
  },
}
