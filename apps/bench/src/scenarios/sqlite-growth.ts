import { duel } from '../sqlite/duel.ts'
import { growing } from '../sqlite/growth.ts'
import type { RaceScenario } from './scenario.ts'

interface Growth {
  readonly what: string
  readonly large: number
  readonly small: number
}

const columns: Readonly<Record<string, Growth>> = {
  'publish, 1,000,000 there': { what: 'publish', large: 1_000_000, small: 1000 },
  'append, 1,000,000 there': { what: 'append', large: 1_000_000, small: 1000 },
  'publish and handle, 1,000,000 there': { what: 'handle', large: 1_000_000, small: 1000 },
  'publish and handle, 100,000 waiting': { what: 'behind', large: 100_000, small: 100 },
}

/** Whether it matters how much there is: 1 where it does not. */
export const sqliteGrowth: RaceScenario = {
  kind: 'race',
  id: 'sqlite-growth',
  title: 'With much in the file, and much waiting',
  group: 'sqlite',
  page: 'sqlite',
  columns: Object.keys(columns),
  contestants: { tidings: { side: 'ours', label: 'tidings, 64 in flight, NORMAL' } },
  rounds: 3,
  yardstick: 'the same with 1,000 events there, or 100 waiting',
  unit: 'event',
  onDisk: true,
  prepare: (_, column) => {
    const { what, large, small } = columns[column]!
    const open = growing[what]!
    return duel(
      (file) => open(file, large),
      (file) => open(file, small),
    )
  },
}
