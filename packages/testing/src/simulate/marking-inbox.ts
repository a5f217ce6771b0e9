import type { Inbox } from '@tidings/bus'
import { isThenable } from '@tidings/core/tools'
import type { SimulatedBroker, Stage } from './broker.ts'
import { type Life, never } from './life.ts'

/** An inbox as far as a process reaches it, which may die before it is told, or after. */
export function markingInbox(inbox: Inbox, { decisions, trace }: Stage, broker: SimulatedBroker, life: Life): Inbox {
  return {
    has: (event, group) => {
      if (life.dead) return never()
      const known = inbox.has(event, group)
      return isThenable(known) ? life.asks(known) : known
    },
    add: async (event, group) => {
      if (life.dead) return never()
      const name = trace.nameOfId(event.id)
      const what = `${trace.group(group)} ${name}`
      const fate = decisions.at('mark', () => `${what}.${broker.count(`mark ${what}`)}`)
      if (fate === 'crash-before') {
        trace.say(() => `the process dies before the inbox notes ${name}`, name, true)
        life.crash()
        return never()
      }
      const adding = inbox.add(event, group)
      const added: unknown = isThenable(adding) ? await life.asks(adding) : adding
      if (fate === undefined) return added
      trace.say(() => `the process dies after the inbox has noted ${name}`, name, true)
      life.crash()
      return never()
    },
  }
}
