import { AsyncLocalStorage } from 'node:async_hooks'
import { type Handler, handler, type HandlerContext } from '@tidings/bus'
import type { TidingsEvent } from '@tidings/events'
import type { Delivery, Events } from '../modules/module.ts'
import type { Effect, Journal } from './journal.ts'

/** The modules as handlers of a bus. */
export interface OnBus extends Events {
  /** What the modules have subscribed so far, for `createBus`. */
  readonly handlers: readonly Handler[]
}

/** A handler at work on an event. */
export interface Work {
  readonly event: TidingsEvent
  /** The whole name. */
  readonly group: string
}

const atWork = new AsyncLocalStorage<Work & { readonly effects: Effect[] }>()

/** What is being handled in this asynchronous context: a client of a payment provider makes its idempotency key of it. */
export function workUnderWay(): Work | undefined {
  return atWork.getStore()
}

/** The same for each delivery of an event to a group. */
export function placeOf({ event, group }: Work): string {
  return `${event.id}/${group}`
}

/**
 * Carries the events of modules over a bus.
 *
 * On a dispatcher a handler may publish and go on, since nothing can come in between. On a bus a process may end there,
 * and an event that counts as handled would have lost its effects. So what a handler publishes is noted and goes out
 * when it has ended, and only when all of that is confirmed does its own event count as handled. The ids of effects are
 * made of that of their cause: where it is handled again, they are the same events, and `idempotent` handlers see them
 * once.
 *
 * A handler that has ended is not called again, whatever fails behind it: what it has published, as the journal knows,
 * goes out again.
 */
export function onBus(journal: Journal): OnBus {
  const handlers: Handler[] = []
  return {
    handlers,
    publish(definition, input, options) {
      const work = atWork.getStore()
      if (!work) return Promise.reject(new Error(`${definition.type} is published by no handler: use the bus`))
      const id = `${placeOf(work)}/${work.effects.length + 1}`
      work.effects.push([definition as never, input as never, { ...options, id }])
      return Promise.resolve()
    },
    subscribe(key: Parameters<typeof handler>[0], handle: Handle, delivery: Delivery & { name?: string } = {}) {
      const { name = handle.name, ...policy } = delivery
      const group = policy.group ?? name.replace('.', '-')
      const bound = handler(key, { ...policy, group }, (event: TidingsEvent, context: HandlerContext) =>
        carry(handle, event, context, journal),
      )
      const named = { ...bound, name }
      handlers.push(named)
      return () => void handlers.splice(handlers.indexOf(named), 1)
    },
  }
}

type Handle = (event: TidingsEvent, type: string) => unknown

async function carry(
  handle: Handle,
  event: TidingsEvent,
  { group, publish }: HandlerContext,
  journal: Journal,
): Promise<void> {
  const work = { event, group, effects: [] as Effect[] }
  const place = placeOf(work)
  let effects = journal.get(place)
  if (!effects) {
    const result = atWork.run(work, () => handle(event, event.type))
    // An `await` of what is there already would let a process end between what was written down and its note.
    if (result instanceof Promise) await result
    journal.set(place, work.effects)
    effects = work.effects
  }
  for (const effect of effects) await publish(...effect)
}
