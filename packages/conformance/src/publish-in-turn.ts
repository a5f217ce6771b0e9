import type { Message, Transport } from '@tidings/bus'
import type { Connection } from '@tidings/bus/transport'
import { connectAs } from './connect-as.ts'

/** Publishes that are under way at a time. */
const atATime = 20

/**
 * Publishes messages, some at a time: what the program of a child process runs that is killed at its confirms. Resolves
 * when it has begun.
 *
 * @param report - told the id of each message that is confirmed; a child writes it to its standard output
 */
export async function publishInTurn(
  transport: Transport,
  messages: readonly Message[],
  report: (id: string) => void,
): Promise<Connection> {
  const connection = await connectAs('publisher', transport)
  const left = [...messages]
  const publish = async (): Promise<void> => {
    for (let message = left.shift(); message !== undefined; message = left.shift()) {
      await connection.publish({ message })
      report(String(message.attributes['id']))
    }
  }
  // Whatever ends it, what was confirmed has been told.
  for (let i = 0; i < atATime; i++) publish().catch(() => {})
  return connection
}
