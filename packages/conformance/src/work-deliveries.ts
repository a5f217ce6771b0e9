import { keyOf, type Transport } from '@tidings/bus'
import { type Connection, type Delivery, type GroupRequest, handled } from '@tidings/bus/transport'
import { connectAs } from './connect-as.ts'
import { pause } from './expect.ts'

/** An event that a member has handled; times in milliseconds since 1970, of the machine that all members share. */
export interface HandledEvent {
  readonly id: string
  readonly key: string | undefined
  readonly began: number
  readonly ended: number
}

/** Milliseconds that each event takes. */
const work = 2

/**
 * Joins a group and handles what it is handed, one event of a key at a time, each in a moment: what the program of a child
 * process runs that shares a group with others.
 *
 * @param report - told each event when it is settled; a child writes it to its standard output
 */
export async function workDeliveries(
  transport: Transport,
  request: GroupRequest,
  report: (event: HandledEvent) => void,
): Promise<Connection> {
  const connection = await connectAs(request.group, transport)
  await connection.subscribe(request, workingOn(report))
  return connection
}

/** What handles deliveries so; rejected settlements belong to deliveries that come again. */
export function workingOn(report: (event: HandledEvent) => void): (delivery: Delivery) => void {
  const lanes = new Map<string, Promise<void>>()
  const handle = async (delivery: Delivery, key: string | undefined): Promise<void> => {
    const began = Date.now()
    await pause(work)
    const ended = Date.now()
    if ((await delivery.settle(handled)) === 'lost') return
    report({ id: String(delivery.message.attributes['id']), key, began, ended })
  }
  return (delivery) => {
    const key = keyOf(delivery.message)
    const before = key === undefined ? undefined : lanes.get(key)
    const done = (before ?? Promise.resolve()).then(() => handle(delivery, key)).catch(() => {})
    if (key !== undefined) lanes.set(key, done)
  }
}
