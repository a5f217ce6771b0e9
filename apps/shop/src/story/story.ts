import { execute, load } from '@tidings/store'
import type { Ground } from '../ground.ts'
import { pounds } from '../money.ts'
import { acts } from './acts.ts'
import { diary, type DiaryCommand, diaryStream } from './diary.ts'
import { type Storyteller, storyteller } from './narrator.ts'
import type { Paint } from './paint.ts'
import { type Premises, premises } from './premises.ts'
import { type Town, townOf } from './town.ts'

/** How a story is told. */
export interface Telling {
  readonly ground: Ground
  /** Of a new day; left out, it is the number of the day. One that was broken off has a seed already. */
  readonly seed?: number | undefined
  readonly print: (line: string) => void
  readonly paint: Paint
  /** The command by which an operator sees to dead letters, where the story leaves any. */
  readonly operator?: string | undefined
  /** Opens the shop of the story. Default {@link premises}: all of it in this process. */
  readonly open?: ((town: Town, ground: Ground, narrator: Storyteller) => Promise<Premises>) | undefined
  /** Breaks the story off. What has begun ends, and the next story on this ground goes on with it. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Plays the story of a day in the shop: the same one for the same seed. Goes on with the day that was broken off, where
 * there is one. Resolves when all events have settled: to true, or to false where it was broken off.
 */
export async function tellStory(telling: Telling): Promise<boolean> {
  const { ground, seed, print, paint, operator, open = premises, signal } = telling
  const { store } = ground.books
  const narrator = storyteller(print, paint)
  const note = (command: DiaryCommand): Promise<{ state: ReturnType<typeof diary.initial> }> =>
    execute(store, diary, diaryStream, command)

  const { state: before } = await load(store, diary, diaryStream)
  const { state: today } = await note({ type: 'open', seed: seed ?? before.day + 1 })
  const onStorm = (change: string): void => narrator.say(paint('yellow', change))
  const town = townOf({ seed: today.seed, day: today.day, outside: ground.outside, onStorm })

  print(
    paint('bold', `A day in the shop, in ${acts.length} acts`) +
      paint('gray', `  (${today.day === 1 ? '' : `day ${today.day}, `}seed ${today.seed})`),
  )
  if (before.isOpen) {
    narrator.heading('The day was broken off, and goes on')
  }
  const place = await open(town, ground, narrator)
  const stopped = aborted(signal)
  try {
    await Promise.race([play(today.acts), stopped])
    if (signal?.aborted === true) return false
    await note({ type: 'end-day' })
    await tellFigures(place, town, narrator, today.day)
    return true
  } finally {
    await Promise.all([town.close(), place.close()])
  }

  /** Plays what has not ended yet. */
  async function play(ended: number): Promise<void> {
    await place.receive(`day-${today.day}`, town.stock)
    await place.atRest()
    for (const [i, act] of acts.entries()) {
      if (i < ended) continue
      narrator.heading(`${i + 1}  ${act.title}`)
      await act.play({ premises: place, town, narrator, operator })
      await place.atRest()
      await note({ type: 'end-act', act: i + 1 })
    }
  }
}

/** Resolves when the signal aborts. */
function aborted(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) resolve()
    signal?.addEventListener('abort', () => resolve(), { once: true })
  })
}

async function tellFigures(
  { staff, tally, revenue, stock, store }: Premises,
  town: Town,
  narrator: ReturnType<typeof storyteller>,
  day: number,
): Promise<void> {
  const figures = await revenue.get()
  let recorded = 0
  for await (const _ of store.readAll()) recorded++
  narrator.heading(day === 1 ? 'The day in figures' : `The figures of ${day} days`)
  narrator.say(`orders     ${figures.placed} placed, ${figures.paid} paid, ${figures.cancelled} cancelled`)
  narrator.say(`revenue    ${pounds(figures.revenue)}`)
  let title = 'stock'
  for await (const [item, { left }] of stock.entries()) {
    narrator.say(`${title.padEnd(10)} ${item.padEnd(14)} ${String(left).padStart(3)} left`)
    title = ''
  }
  narrator.say(`events     ${recorded} in the log`)
  // Of others, the lines of their own processes tell.
  if (staff === 'here') {
    narrator.say(`handlers   ${tally.handled} calls, ${tally.failed} failed, ${tally.deadLetters} given up`)
  }
  narrator.say(`scans      ${town.shed} shed`)
}
