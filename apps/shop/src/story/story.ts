import { pounds } from '../money.ts'
import type { Shop } from '../shop.ts'
import { acts } from './acts.ts'
import { storyteller } from './narrator.ts'
import type { Paint } from './paint.ts'
import { premises } from './premises.ts'
import { townOf } from './town.ts'

/** Plays the story of a day in the shop: the same one for the same seed. Resolves when all events have settled. */
export async function tellStory(seed: number, print: (line: string) => void, paint: Paint): Promise<Shop> {
  const narrator = storyteller(print, paint)
  const town = townOf(seed, (change) => narrator.say(paint('yellow', change)))
  const place = await premises(town, narrator)

  print(paint('bold', `A day in the shop, in ${acts.length} acts`) + paint('gray', `  (seed ${seed})`))
  for (const [i, act] of acts.entries()) {
    narrator.heading(`${i + 1}  ${act.title}`)
    await act.play({ premises: place, town, narrator })
    await place.atRest()
  }
  await place.close()
  await town.close()

  const { shop, tally } = place
  const { figures, trail } = shop
  narrator.heading('The day in figures')
  narrator.say(`orders     ${figures.placed} placed, ${figures.paid} paid, ${figures.cancelled} cancelled`)
  narrator.say(`revenue    ${pounds(figures.revenue)}`)
  narrator.say(`events     ${tally.published} published, ${trail.size} on the audit trail`)
  narrator.say(`handlers   ${tally.handled} calls, ${tally.failed} failed, ${tally.deadLetters} given up and replayed`)
  narrator.say(`scans      ${town.shed} shed`)
  return shop
}
