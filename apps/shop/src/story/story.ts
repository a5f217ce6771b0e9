import { AsyncEventDispatcher } from '@tidings/core'
import { pounds } from '../money.ts'
import { openShop, type Shop } from '../shop.ts'
import { acts, stormLimit } from './acts.ts'
import { storyteller } from './narrator.ts'
import type { Paint } from './paint.ts'
import { townOf } from './town.ts'

/** Plays the story of a day in the shop: the same one for the same seed. Resolves when all events have settled. */
export async function tellStory(seed: number, print: (line: string) => void, paint: Paint): Promise<Shop> {
  const narrator = storyteller(print, paint)
  const tally = { events: 0, handled: 0, failed: 0 }
  await using events = new AsyncEventDispatcher({
    maxDepth: 32,
    onError: ({ error, type, handler }) => narrator.note(`${handler ?? 'publish'} failed on ${type}: ${String(error)}`),
    observer: {
      published: () => void tally.events++,
      handled: () => void tally.handled++,
      failed: () => void tally.failed++,
    },
    storm: {
      limit: stormLimit,
      onChange: ({ type, state }) => narrator.say(paint('yellow', `storm breaker ${state} for ${type}`)),
    },
  })
  const town = townOf(seed)
  const shop = openShop({ events, narrator }, town)

  print(paint('bold', `A day in the shop, in ${acts.length} acts`) + paint('gray', `  (seed ${seed})`))
  for (const [i, act] of acts.entries()) {
    narrator.heading(`${i + 1}  ${act.title}`)
    await act.play({ shop, town, narrator })
    await events.drain()
  }

  const { figures, trail } = shop
  narrator.heading('The day in figures')
  narrator.say(`orders     ${figures.placed} placed, ${figures.paid} paid, ${figures.cancelled} cancelled`)
  narrator.say(`revenue    ${pounds(figures.revenue)}`)
  narrator.say(`events     ${tally.events} published, ${events.shed} shed, ${trail.size} on the audit trail`)
  narrator.say(`handlers   ${tally.handled} calls, ${tally.failed} failed`)
  return shop
}
