import {
  type DeadLetter,
  MessageTooLargeError,
  type Outgoing,
  oversize,
  type Settled,
  type Settlement,
  SettlementRefusedError,
} from '@tidings/bus/transport'
import { isTidingsError } from '@tidings/core'
import { begunBefore, type Copy, triedLater } from './copy.ts'
import { place } from '../file/place.ts'
import { inSavepoint } from '../file/savepoint.ts'
import type { SharedFile } from '../file/shared-file.ts'

/**
 * All that a settlement says, within a transaction that many share. What it throws has undone it alone; a failure of the
 * file undoes the whole transaction.
 */
export function apply(file: SharedFile, group: number, copy: Copy, settlement: Settlement): Settled {
  if (settlement.as === 'later') {
    file.held.put(group, copy, triedLater(copy, settlement))
    return passes(file, copy)
  }
  if (settlement.as === 'given-back') {
    file.held.put(group, copy, begunBefore(copy))
    return passes(file, copy)
  }
  for (const effect of settlement.effects) checkSize(file, effect)
  if (settlement.as === 'handled') {
    const { work, mark } = settlement
    if (work !== undefined) return withWork(file, group, copy, settlement)
    if (mark !== undefined && !file.marks.add(group, mark, file.now()))
      return handledBefore(file, group, copy, settlement.replayed)
  }
  if (settlement.as === 'dead-lettered') park(file, settlement.letter)
  else if (settlement.replayed !== undefined) file.letters.remove(settlement.replayed)
  sendAll(file, copy, settlement.effects)
  return ends(file, group, copy)
}

function sendAll(file: SharedFile, copy: Copy, effects: readonly Outgoing[]): void {
  for (const effect of effects) if (!place(file, effect)) copy.unroutable.push(effect.message)
}

function withWork(file: SharedFile, group: number, copy: Copy, settlement: Settlement & { as: 'handled' }): Settled {
  const { work, mark, effects, replayed } = settlement
  let isNew = true
  const refused = inSavepoint(file.statements, () => {
    isNew = mark === undefined || file.marks.add(group, mark, file.now())
    if (isNew) file.transaction.run(work!)
  })
  if (refused !== undefined) throw new SettlementRefusedError(refused.error)
  if (!isNew) return handledBefore(file, group, copy, replayed)
  if (replayed !== undefined) file.letters.remove(replayed)
  sendAll(file, copy, effects)
  return ends(file, group, copy)
}

/** The mark is there: this one is a duplicate, and its letter goes with it. */
function handledBefore(file: SharedFile, group: number, copy: Copy, replayed: string | undefined): Settled {
  if (replayed !== undefined) file.letters.remove(replayed)
  ends(file, group, copy)
  return 'handled-before'
}

function ends(file: SharedFile, group: number, copy: Copy): Settled {
  if (copy.cursor === undefined) file.held.remove(group, copy.position)
  return passes(file, copy)
}

function passes(file: SharedFile, copy: Copy): Settled {
  const { cursor, position } = copy
  copy.isApplied = true
  cursor?.passes(position)
  cursor?.isHandedOut(-1)
  file.undoes(() => {
    copy.isApplied = false
    cursor?.passesNot(position)
    cursor?.isHandedOut(1)
  })
  return undefined
}

function park(file: SharedFile, letter: DeadLetter): void {
  try {
    file.letters.add(letter)
  } catch (error) {
    throw isTidingsError(error, 'DEAD_LETTERS_FULL') ? new SettlementRefusedError(error) : error
  }
}

function checkSize(file: SharedFile, { message }: Outgoing): void {
  const size = oversize(message, file.maxMessageSize)
  if (size === undefined) return
  const type = String(message.attributes['type'])
  throw new SettlementRefusedError(new MessageTooLargeError(type, size, file.maxMessageSize))
}
