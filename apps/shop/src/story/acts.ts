import { OrderPlaced, ParcelMoved, ShelfScanned } from '../events.ts'
import { pounds } from '../money.ts'
import { shortName, type Storyteller } from './narrator.ts'
import type { Premises } from './premises.ts'
import type { Town, Wish } from './town.ts'

/** What an act plays with. */
interface Stage {
  readonly premises: Premises
  readonly town: Town
  readonly narrator: Storyteller
}

/** A title and what happens; the events of an act have settled before the next one begins. */
export interface Act {
  readonly title: string
  play(stage: Stage): Promise<unknown> | void
}

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
    async play({ premises, town, narrator }) {
      const event = OrderPlaced.create({ order: town.nextOrder(), ...town.wish() })
      narrator.say(wished(event.data))
      await premises.bus.publish(event)
      await premises.atRest()
      narrator.say('… and the network delivers it again')
      await premises.bus.publish(event)
    },
  },
  {
    title: 'Parcels that are seen out of order',
    play({ premises, town, narrator }) {
      const order = town.lastOrder
      const source = `/couriers/parcels/${order}`
      const moves = ['depot', 'harbour', 'van', 'doorstep'].map((place, i) =>
        ParcelMoved.create({ order, place }, { source, sequence: i + 1 }),
      )
      const arrivals = [2, 0, 1, 3].map((i) => moves[i]!)
      narrator.say(
        `the courier reports of order ${order}: ${arrivals.map(({ data, sequence }) => `${sequence} ${data.place}`).join(', ')}`,
      )
      return Promise.all(arrivals.map((event) => premises.bus.publish(event)))
    },
  },
  {
    title: 'A scanner gone wild, shed by the storm breaker',
    async play({ town, narrator }) {
      let handled = 0
      for (let shelf = 0; shelf < scans; shelf++) {
        if ((await town.scanners.publish(ShelfScanned, { shelf, item: 'Teapot' })) > 0) handled++
      }
      narrator.say(`${scans} scans in a moment: ${handled} handled, ${town.shed} shed`)
    },
  },
  {
    title: 'A mail that is given up, and sent when the server is mended',
    async play(stage) {
      const { premises, town, narrator } = stage
      town.breakMail()
      await order(stage, town.wish())
      await premises.atRest()
      const { deadLetters } = premises.bus
      for await (const { message, group, attempts, error } of deadLetters.list()) {
        const { type, subject, id } = message.attributes
        narrator.say(`dead letter: ${String(type)} ${String(subject)}, for ${group}`)
        narrator.say(`${attempts} attempts, at last ${error?.name}: ${error?.message}`)
        town.mendMail()
        narrator.say('the server is mended, the letter goes back to its group')
        await deadLetters.replay({ group })
        await premises.atRest()
        const calls = [...premises.calls(String(id))].map(([by, times]) => `${shortName(by)} ${times}`)
        narrator.say(`handled by ${calls.toSorted().join(', ')}`)
      }
    },
  },
  {
    title: 'Closed in the middle of an order, and opened again',
    async play(stage) {
      const { premises, town, narrator } = stage
      const charging = town.slowCards()
      await order(stage, town.wish())
      const answer = await charging
      narrator.say('the shop closes while the card network thinks')
      const closed = premises.close()
      answer()
      await closed
      narrator.say('closed: what was begun has ended, what it led to waits')
      narrator.say('… and opens again, on the same broker')
      await premises.open()
    },
  },
]

function order({ premises, town, narrator }: Stage, wish: Wish): Promise<unknown> {
  const placed = { order: town.nextOrder(), ...wish }
  narrator.say(wished(placed))
  return premises.bus.publish(OrderPlaced, placed)
}

function wished({ order, customer, item, quantity, pence }: Omit<Wish, 'card'> & { order: number }): string {
  return `order ${order}: ${customer} wants ${quantity} × ${item} for ${pounds(pence)}`
}
