import { OrderPlaced, ParcelMoved, ShelfScanned } from '../events.ts'
import { pounds } from '../money.ts'
import type { Shop } from '../shop.ts'
import type { Storyteller } from './narrator.ts'
import type { Town, Wish } from './town.ts'

/** What an act plays with. */
interface Stage {
  readonly shop: Shop
  readonly town: Town
  readonly narrator: Storyteller
}

/** A title and what happens; the events of an act have settled before the next one begins. */
export interface Act {
  readonly title: string
  play(stage: Stage): Promise<unknown> | void
}

/** Events of one type that may pass in a second. */
export const stormLimit = 100
const scans = 500

export const acts: readonly Act[] = [
  {
    title: 'A happy order',
    play: (stage) => order(stage, stage.town.wish()),
  },
  {
    title: 'A declined card, and what was reserved goes back',
    play(stage) {
      stage.town.declineNextCard('card declined')
      return order(stage, stage.town.wish())
    },
  },
  {
    title: 'The last item, wanted twice',
    play(stage) {
      const { lastItem } = stage.town
      return Promise.all([1, 2].map(() => order(stage, { ...stage.town.wish(), ...lastItem, quantity: 1 })))
    },
  },
  {
    title: 'A mail server that is busy twice',
    play(stage) {
      stage.town.failNextMails(2)
      return order(stage, stage.town.wish())
    },
  },
  {
    title: 'The same order, delivered twice',
    async play({ shop, town, narrator }) {
      const event = OrderPlaced.create({ order: town.nextOrder(), ...town.wish() })
      narrator.say(wished(event.data))
      await shop.events.publish(event)
      await shop.events.drain()
      narrator.say('… and the network delivers it again')
      await shop.events.publish(event)
    },
  },
  {
    title: 'Parcels that are seen out of order',
    play({ shop, town, narrator }) {
      const order = town.lastOrder
      const source = `/couriers/parcels/${order}`
      const moves = ['depot', 'harbour', 'van', 'doorstep'].map((place, i) =>
        ParcelMoved.create({ order, place }, { source, sequence: i + 1 }),
      )
      const arrivals = [2, 0, 1, 3].map((i) => moves[i]!)
      narrator.say(
        `the courier reports of order ${order}: ${arrivals.map(({ data, sequence }) => `${sequence} ${data.place}`).join(', ')}`,
      )
      return Promise.all(arrivals.map((event) => shop.events.publish(event)))
    },
  },
  {
    title: 'A scanner gone wild, shed by the storm breaker',
    async play({ shop, narrator }) {
      const before = shop.events.shed
      let handled = 0
      for (let shelf = 0; shelf < scans; shelf++) {
        if ((await shop.events.publish(ShelfScanned, { shelf, item: 'Teapot' })) > 0) handled++
      }
      narrator.say(`${scans} scans in a moment: ${handled} handled, ${shop.events.shed - before} shed`)
    },
  },
]

function order({ shop, town, narrator }: Stage, wish: Wish): Promise<number> {
  const placed = { order: town.nextOrder(), ...wish }
  narrator.say(wished(placed))
  return shop.events.publish(OrderPlaced, placed)
}

function wished({ order, customer, item, quantity, pence }: Omit<Wish, 'card'> & { order: number }): string {
  return `order ${order}: ${customer} wants ${quantity} × ${item} for ${pounds(pence)}`
}
