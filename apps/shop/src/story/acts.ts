import { setTimeout } from 'node:timers/promises'
import { execute } from '@tidings/store'
import {
  OrderCancelled,
  OrderConfirmed,
  orderStream,
  ParcelMoved,
  ShelfScanned,
  shelfStream,
  StockReserved,
} from '../events.ts'
import { order } from '../modules/orders.ts'
import { pounds } from '../money.ts'
import { shortName, type Storyteller } from './narrator.ts'
import type { Premises } from './premises.ts'
import type { Town, Wish } from './town.ts'

/** What an act plays with. */
interface Stage {
  readonly premises: Premises
  readonly town: Town
  readonly narrator: Storyteller
  /** The command by which an operator sees to dead letters; undefined where nobody could. */
  readonly operator: string | undefined
}

/**
 * A title and what happens; the events of an act have settled before the next one begins. One that was broken off is
 * played again from its beginning: what has happened then does not happen twice.
 */
export interface Act {
  readonly title: string
  play(stage: Stage): Promise<unknown> | void
}

const scans = 500

export const acts: readonly Act[] = [
  {
    title: 'A happy order',
    play: (stage) => place(stage, 1),
  },
  {
    title: 'A declined card, and what was held goes back',
    play(stage) {
      stage.town.declineCard(stage.town.number(2), 'card declined')
      return place(stage, 2)
    },
  },
  {
    title: 'The last item, wanted twice',
    play(stage) {
      const { lastItem } = stage.town
      return Promise.all([3, 4].map((nth) => place(stage, nth, { ...lastItem, quantity: 1 })))
    },
  },
  {
    title: 'A mail server that is busy twice',
    play(stage) {
      stage.town.failMails(stage.town.number(5), 2)
      return place(stage, 5)
    },
  },
  {
    title: 'The same order, sent twice, and a message, delivered twice',
    async play(stage) {
      const { premises, town, narrator } = stage
      await place(stage, 6)
      await premises.atRest()
      narrator.say('… and the customer clicks again')
      await place(stage, 6)
      narrator.say('… and the network delivers again what is to be paid')
      const stream = shelfStream(town.wish(6).item)
      for await (const { event } of premises.store.read(stream, { direction: 'backward' })) {
        if (event.type !== StockReserved.type || event.data.order !== town.number(6)) continue
        await premises.bus.publish(event)
        return
      }
    },
  },
  {
    title: 'Parcels that are seen out of order',
    play({ premises, town, narrator }) {
      const number = town.number(6)
      const source = `/couriers/parcels/${number}`
      const moves = ['depot', 'harbour', 'van', 'doorstep'].map((place, i) =>
        ParcelMoved.create({ order: number, place }, { source, sequence: i + 1 }),
      )
      const arrivals = [2, 0, 1, 3].map((i) => moves[i]!)
      narrator.say(
        `the courier reports of order ${number}: ${arrivals.map(({ data, sequence }) => `${sequence} ${data.place}`).join(', ')}`,
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
      const { premises, town, narrator, operator } = stage
      town.breakMail(town.number(7))
      await place(stage, 7)
      await premises.atRest()
      const { deadLetters } = premises.bus
      for await (const { message, group, attempts, error } of deadLetters.list({ key: orderStream(town.number(7)) })) {
        const { type, subject, id } = message.attributes
        narrator.say(`dead letter: ${String(type)} ${String(subject)}, for ${group}`)
        narrator.say(`${attempts} attempts, at last ${error?.name}: ${error?.message}`)
        if (operator !== undefined) {
          narrator.say('it is left for you:')
          narrator.say(operator)
          continue
        }
        town.mendMail()
        narrator.say('the server is mended, the letter goes back to its group')
        await deadLetters.replay({ group })
        await premises.atRest()
        const calls = [...premises.calls(String(id))].map(([by, times]) => `${shortName(by)} ${times}`)
        narrator.say(`handled by ${calls.toSorted().join(', ')}`)
      }
      town.mendMail()
    },
  },
  {
    title: 'A payment that comes too late, and goes back',
    async play(stage) {
      const { premises, town, narrator } = stage
      const number = town.number(8)
      const { answer } = town.stallCard(number)
      narrator.say('the goods are held for 300 ms, and the card network thinks for longer')
      await place(stage, 8, { heldFor: 300 })
      const types = [OrderCancelled.type, OrderConfirmed.type]
      for await (const { event } of premises.store.subscribe({ types })) {
        if ('order' in event.data && event.data.order === number) break
      }
      await premises.settled()
      await setTimeout(100)
      narrator.say('the card network answers')
      answer()
    },
  },
  {
    title: 'Closed in the middle of an order, and opened again',
    async play(stage) {
      const { premises, town, narrator } = stage
      if (premises.staff === 'elsewhere') {
        narrator.say('who works for the shop may be killed now, or at any time, and started again')
        return place(stage, 9)
      }
      const { asked, answer } = town.stallCard(town.number(9))
      await place(stage, 9)
      // Where this act is played again, the network may have answered before.
      await Promise.race([asked, premises.atRest()])
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

/** Places the nth order of the day, once. */
async function place(
  { premises, town, narrator }: Stage,
  nth: number,
  change: Partial<Wish> & { heldFor?: number } = {},
): Promise<void> {
  const placed = { order: town.number(nth), ...town.wish(nth), ...change }
  const { order: number, customer, item, quantity, pence } = placed
  narrator.say(`order ${number}: ${customer} wants ${quantity} × ${item} for ${pounds(pence)}`)
  const { events } = await execute(premises.store, order, orderStream(number), { type: 'place', placed })
  if (events.length === 0) narrator.say(`order ${number} is there already: nothing happens`)
}
