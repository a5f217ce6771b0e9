import { loopDelay } from '../sqlite/delay.ts'
import type { MeterScenario } from './scenario.ts'

/** What the design allows, in milliseconds. */
const allowed = 15

const columns = {
  FULL: 'full',
  NORMAL: 'normal',
  'FULL, 15 ms as a multiple of it': 'full',
  'NORMAL, 15 ms as a multiple of it': 'normal',
} as const

/** How late the event loop comes while 64 write; the last columns say whether that is allowed: 1 and more is. */
export const sqliteDelay: MeterScenario = {
  kind: 'meter',
  id: 'sqlite-delay',
  title: 'Milliseconds that the event loop comes late, 64 writers, 99th percentile',
  group: 'sqlite',
  page: 'sqlite',
  unit: 'milliseconds',
  columns: Object.keys(columns),
  contestants: {
    publish: { side: 'ours', label: 'tidings, `bus.publish`' },
    append: { side: 'ours', label: 'tidings, `store.append`' },
    handle: { side: 'ours', label: 'tidings, publish and handle, `idempotent`' },
    loop: { side: 'hand', label: 'the loop of `sqlite-publish`, a turn for each commit' },
  },
  rounds: 3,
  meter: async (who, column) => {
    const delay = await loopDelay(who, columns[column as keyof typeof columns])
    return column.includes('multiple') ? allowed / delay : delay
  },
}
