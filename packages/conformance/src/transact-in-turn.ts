import type { Message, Transport } from '@tidings/bus'
import type { Connection } from '@tidings/bus/transport'
import { connectAs } from './connect-as.ts'
import type { OwnTable } from './kit.ts'

/** Transactions that are under way at a time. */
const atATime = 10

/**
 * Writes a row for each message, its id, and publishes it in the same transaction, some at a time: what the program of a
 * child process runs that is killed amid its transactions. Resolves when it has begun.
 *
 * @param report - told the id of each message whose transaction is confirmed
 */
export async function transactInTurn(
  transport: Transport,
  table: Pick<OwnTable, 'write'>,
  messages: readonly Message[],
  report: (id: string) => void,
): Promise<Connection> {
  const connection = await connectAs('transactor', transport)
  const left = [...messages]
  const transact = async (): Promise<void> => {
    for (let message = left.shift(); message !== undefined; message = left.shift()) {
      const id = String(message.attributes['id'])
      await connection.transact!((transaction) => table.write(transaction, id), [{ message }])
      report(id)
    }
  }
  // Whatever ends it, what was confirmed has been told.
  for (let i = 0; i < atATime; i++) transact().catch(() => {})
  return connection
}
