import type { Inbox } from '@tidings/bus'
import type { SimulatedBroker, Stage } from './broker.ts'
import { type Life, never } from './life.ts'

/** An inbox as far as a process reaches it, which may die before it is told, or after. */
export function markingInbox(inbox: Inbox, { decisions, trace }: Stage, broker: SimulatedBroker, life: Life): Inbox {
  return {
    has: (group, event) => (life.dead ? never() : inbox.has(group, event)),
    add: async (group, event) => {
      if (life.dead) return never()
      const name = trace.nameOfId(event.id)
      const what = `${trace.group(group)} ${name}`
      const fate = decisions.at('mark', () => `${what}.${broker.count(`mark ${what}`)}`)
      if (fate === 'crash-before') {
        trace.say(() => `the process dies before the inbox notes ${name}`, name, true)
        life.crash()
        return never()
      }
      const added: unknown = await inbox.add(group, event)
      if (fate === undefined) return added
      trace.say(() => `the process dies after the inbox has noted ${name}`, name, true)
      life.crash()
      return never()
    },
  }
}
