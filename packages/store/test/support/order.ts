import type { EventOf } from '@tidings/events'
import { defineDecider } from '../../src/index.ts'
import { OrderPlaced, OrderShipped } from './shop.ts'

export interface Order {
  readonly items: readonly string[]
  readonly shippedBy: string | undefined
}

export type Command = { readonly place: string } | { readonly ship: string }

/** An order that takes items until it is shipped. */
export const order = defineDecider({
  initial: (): Order => ({ items: [], shippedBy: undefined }),
  evolve: (state, event: EventOf<typeof OrderPlaced> | EventOf<typeof OrderShipped>) =>
    event.type === 'shop.order.placed'
      ? { ...state, items: [...state.items, event.data.item] }
      : { ...state, shippedBy: event.data.carrier },
  decide: (command: Command, state) => {
    if (state.shippedBy !== undefined) throw new Error(`shipped by ${state.shippedBy}`)
    if ('place' in command) return OrderPlaced.create({ item: command.place })
    return state.items.length === 0 ? [] : [OrderShipped.create({ carrier: command.ship })]
  },
})
