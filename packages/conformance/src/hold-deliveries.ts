import type { Transport } from '@tidings/bus'
import type { Connection, GroupRequest } from '@tidings/bus/transport'
import { connectAs } from './connect-as.ts'

/**
 * Joins a group and settles nothing: what the program of a child process runs, to be killed with work in its hands.
 *
 * @param report - told the id of each event that is handed out; a child writes it to its standard output
 */
export async function holdDeliveries(
  transport: Transport,
  request: GroupRequest,
  report: (id: string) => void,
): Promise<Connection> {
  const connection = await connectAs(request.group, transport)
  await connection.subscribe(request, ({ message }) => report(String(message.attributes['id'])))
  return connection
}
