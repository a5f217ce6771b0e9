import type { DeadLetter } from '../stores/dead-letters.ts'
import type { EventIdentity } from '@tidings/core/tools'
import { keyOf } from '../message/message.ts'
import { discarded, type Later, type Settlement } from './settlement.ts'
import type { Outgoing } from './transport.ts'

/** The steps of a settlement that are done one by one. What a step is left out for is left to the acknowledgement. */
export interface SettlementSteps {
  /** Sends the effect `beyond` the bounds of groups; resolves when it is confirmed. */
  publish?(effect: Outgoing): unknown
  /** Resolves when the letter is kept as durably as the messages are. */
  park?(letter: DeadLetter): unknown
  /** Resolves when the copy that is due later is confirmed. */
  copy?(later: Later): unknown
  /** Resolves when the inbox has the mark. */
  mark?(event: EventIdentity): unknown
  /** Resolves when the letter that was replayed is gone. */
  removeLetter?(id: string): unknown
}

/**
 * Does a settlement step by step, in the one order in which a crash between any two of them duplicates and never loses:
 * effects, then the letter or the copy, then the mark, then the letter that was replayed, each confirmed before the next
 * begins. Effects of one key follow each other, others go side by side. Resolves to what is left to be acknowledged.
 * Rejects with what a step rejects with: then nothing behind it was done, and all of it may be done again, since effects
 * and letters keep their ids.
 */
export async function inSafeOrder(settlement: Settlement, steps: SettlementSteps): Promise<Settlement> {
  let rest = settlement
  if ('effects' in rest && rest.effects.length > 0 && steps.publish) {
    await publishAll(rest.effects, (effect) => steps.publish!(effect))
    rest = { ...rest, effects: [] }
  }
  if (rest.as === 'dead-lettered' && steps.park) {
    await steps.park(rest.letter)
    rest = { ...discarded, effects: rest.effects }
  }
  if (rest.as === 'later' && !rest.inPlace && steps.copy) {
    await steps.copy(rest)
    rest = discarded
  }
  if (rest.as === 'handled' && rest.mark !== undefined && steps.mark) {
    await steps.mark(rest.mark)
    rest = { ...rest, mark: undefined }
  }
  if ('replayed' in rest && rest.replayed !== undefined && steps.removeLetter) {
    await steps.removeLetter(rest.replayed)
    rest = { ...rest, replayed: undefined }
  }
  return rest
}

async function publishAll(effects: readonly Outgoing[], publish: (effect: Outgoing) => unknown): Promise<void> {
  const last = new Map<string, Promise<unknown>>()
  const all = effects.map((effect) => {
    const key = keyOf(effect.message)
    const sent = behind(key === undefined ? undefined : last.get(key), () => publish(effect))
    if (key !== undefined) last.set(key, sent)
    return sent
  })
  // Each is waited for, so that nothing of it is under way when it is said to have failed.
  const failed = (await Promise.allSettled(all)).find(({ status }) => status === 'rejected')
  if (failed) throw (failed as PromiseRejectedResult).reason
}

async function behind(before: Promise<unknown> | undefined, step: () => unknown): Promise<unknown> {
  await before
  return step()
}
