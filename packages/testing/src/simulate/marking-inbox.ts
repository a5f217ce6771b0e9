import type { Inbox } from '@tidings/bus'
import { isThenable } from '@tidings/core/tools'
import type { Stage } from './broker.ts'
import { type Life, never } from './life.ts'
import { takeStep } from './step.ts'

/** The inbox of an application as far as a process reaches it, which may die before it is told, or after. */
export function markingInbox(inbox: Inbox, stage: Stage, life: Life): Inbox {
  const { trace } = stage
  return {
    has: (event, group) => {
      if (life.dead) return never()
      const known = inbox.has(event, group)
      return isThenable(known) ? life.asks(known) : known
    },
    add: async (event, group) => {
      const about = trace.nameOfId(event.id)
      const what = `the mark of ${about} by ${trace.group(group)}`
      const act = (): unknown => {
        const adding = inbox.add(event, group)
        return isThenable(adding) ? life.asks(adding) : adding
      }
      return takeStep(stage, life, { place: 'mark', what, about, act })
    },
  }
}
