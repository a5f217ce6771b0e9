import type { Ground } from '../ground.ts'
import type { World } from '../shop.ts'
import { townOf } from '../story/town.ts'

/** The card network takes so long, in milliseconds, for the order whose goods are held for less. */
const slow = 1000

/**
 * The card network and the mail server as a service meets them. The acts of the story, which arrange what goes wrong, are in
 * the process of the desk; what an order meets depends on its number alone, so here it is arranged as the order comes.
 */
export function worldOf(outside: Ground['outside']): World {
  const town = townOf({ seed: 0, day: 0, outside, onStorm: () => {} })
  const met = new Set<number>()
  const meet = (order: number): void => {
    if (met.has(order)) return
    met.add(order)
    switch (order % 1000) {
      case 2:
        return town.declineCard(order, 'card declined')
      case 5:
        return town.failMails(order, 2)
      case 7:
        return town.breakMail(order)
      case 8:
        return void setTimeout(town.stallCard(order).answer, slow)
      default:
    }
  }
  return {
    cards: {
      charge(charge) {
        meet(charge.order)
        return town.cards.charge(charge)
      },
      refund: (refund) => town.cards.refund(refund),
    },
    mail: {
      send(mail) {
        meet(mail.order)
        return town.mail.send(mail)
      },
    },
  }
}
