import type { Inbox, Transport } from '../../src/index.ts'
import { altered, alteredDelivery } from './altered.ts'
import { Life } from './life.ts'

/** A transport whose connection dies at a step: of what it publishes, parks and settles. */
export function mortal(real: Transport, crashAt: number, died: () => void): { transport: Transport; life: Life } {
  let close = (): void => {}
  const life = new Life(crashAt, () => {
    close()
    died()
  })
  const transport = altered(real, (connection) => {
    close = () => void connection.close()
    return {
      close: () => connection.close(),
      publish: (outgoing, patience) => life.live(() => connection.publish(outgoing, patience)),
      subscribe: (request, deliver, signal) =>
        connection.subscribe(
          request,
          (delivery) =>
            deliver(
              alteredDelivery(delivery, { settle: (settlement) => life.live(() => delivery.settle(settlement)) }),
            ),
          signal,
        ),
    }
  })
  return { transport, life }
}

/** An inbox that is asked by a process which may die. */
export function mortalInbox(inbox: Inbox, life: Life): Inbox {
  return {
    has: (event, group) => life.live(() => inbox.has(event, group)),
    add: (event, group) => life.live(() => inbox.add(event, group)),
  }
}
