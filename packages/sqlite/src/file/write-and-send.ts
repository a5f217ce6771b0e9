import type { Message, Outgoing, Work } from '@tidings/bus/transport'
import { place } from './place.ts'
import { inSavepoint } from './savepoint.ts'
import type { SharedFile } from './shared-file.ts'

/** What came of a transaction of the application. */
export interface Sent {
  /** What reached no group. */
  readonly unroutable: readonly Message[]
  /** What its writes have thrown: then nothing of it was done. */
  readonly refused: { readonly error: unknown } | undefined
}

/**
 * What the application writes, and publishes with it, within a transaction that many share. What its writes throw undoes
 * them alone, and is returned; a failure of the file undoes the whole transaction.
 */
export function writeAndSend(file: SharedFile, work: Work | undefined, outgoing: readonly Outgoing[]): Sent {
  const refused = work && inSavepoint(file.statements, () => file.transaction.run(work))
  if (refused !== undefined) return { unroutable: [], refused }
  return { unroutable: outgoing.flatMap((each) => (place(file, each) ? [] : [each.message])), refused: undefined }
}
